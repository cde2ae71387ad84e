/**
 * Requests made from the OpenAPI document, valid and not, to a real `serve`: every answer is one that the document declares, and
 * none is a 5xx but the 503 of a store that is down (I7, I9).
 */

import { afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { authorizationBy } from '../support/http-auth.ts'
import { type Known, valuesOf } from '../support/json-schema-arbitrary.ts'
import { keyPackageEvent, makeKeyPackage, signEvent } from '../support/key-packages.ts'
import {
  type Answer,
  judgeBy,
  type OpenApiDocument,
  type Operation,
  operationsOf,
} from '../support/openapi.ts'
import { type Person, person } from '../support/people.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { scratch } from '../support/scratch.ts'
import { type ServeProcess, type ServeSettings, startServe } from './serve-process.ts'

const PEOPLE = ['alice', 'bob', 'carol', 'dave', 'erin'].map((name) => person(name))
const PUBLIC_URL = 'wss://relay.example.com'
const PLENTY = { max: 100_000 }
const SETTINGS: ServeSettings = {
  publicUrl: PUBLIC_URL,
  quota: {
    perAuthor: { max: 10_000 },
    perAddress: PLENTY,
    perRequester: PLENTY,
    perAddressTotal: PLENTY,
    publish: PLENTY,
    publishPerAddress: PLENTY,
    newAuthorsPerAddress: PLENTY,
  },
  stock: { max: 100 },
}

interface Request {
  readonly operation: Operation
  readonly target: string
  readonly body: string | undefined
  readonly contentType: string
  readonly signature: 'none' | 'valid' | 'stale' | 'of another method' | 'garbage'
  readonly by: Person
}

let events: readonly SignedEvent[]
let server: ServeProcess
let document: OpenApiDocument

beforeAll(async () => {
  const now = Math.floor(Date.now() / 1000)
  const made = await Promise.all(
    PEOPLE.flatMap((author) =>
      Array.from({ length: 12 }, async (_, index) =>
        keyPackageEvent(author, await makeKeyPackage(author, { now }), {
          createdAt: now - index,
          ...(index % 4 === 3 && { kind: 30443, tags: { d: [`device ${index}`] } }),
          ...(index % 4 === 2 && { tags: { '-': [] } }),
        }),
      ),
    ),
  )
  const lists = PEOPLE.map(({ secretKey }) =>
    signEvent(secretKey, {
      kind: 10051,
      created_at: now,
      tags: [['relay', 'wss://relay.example.com']],
      content: '',
    }),
  )
  events = [...made, ...lists]
})
afterEach(() => server.stop())

async function serve(settings: ServeSettings) {
  server = await startServe(scratch(), { ...SETTINGS, ...settings })
  document = (await (await fetch(urlOf('/openapi.json'))).json()) as OpenApiDocument
}

describe('requests made from the OpenAPI document', () => {
  it('get answers that it declares, and no 5xx', async () => {
    await serve({ store: 'memory:' })
    const judge = judgeBy(document)
    await publishAll()
    const statuses = new Map<string, Set<number>>()
    await fc.assert(
      fc.asyncProperty(requests(document), async (request) => {
        const answer = await send(request)
        const { operationId } = request.operation
        statuses.set(operationId, (statuses.get(operationId) ?? new Set()).add(answer.status))
        expect(judge(request.operation, answer)).toBeUndefined()
        expect(answer.status).toBeLessThan(500)
      }),
      { seed: 20_261_129, numRuns: 400 },
    )
    // Otherwise it would have tested nothing.
    for (const { operationId, responses } of operationsOf(document)) {
      expect([operationId, [...(statuses.get(operationId) ?? [])]]).toEqual([
        operationId,
        expect.arrayContaining([200]),
      ])
      const refused = [400, 401, 403].filter((status) => responses.has(status))
      if (refused.length > 0)
        expect(refused.some((status) => statuses.get(operationId)?.has(status))).toBe(true)
    }
  })

  it('get no 5xx but 503 when the store is down, and nothing that would need it', async () => {
    const redis: RedisServer = await startRedis()
    await serve({ store: redis.url })
    const judge = judgeBy(document)
    await redis.stop()
    const needless = new Set(['readInformation'])
    let unavailable = 0
    await fc.assert(
      fc.asyncProperty(requests(document), async (request) => {
        const answer = await send(request)
        expect(judge(request.operation, answer)).toBeUndefined()
        if (answer.status === 503) unavailable += 1
        else expect(answer.status).toBeLessThan(500)
        if (answer.status === 200) {
          const isRefusedAlone =
            request.operation.operationId === 'publishKeyPackages' && !isAnyAccepted(answer)
          expect(needless.has(request.operation.operationId) || isRefusedAlone).toBe(true)
        }
      }),
      { seed: 20_261_129, numRuns: 200 },
    )
    expect(unavailable).toBeGreaterThan(50)
  })
})

async function publishAll(): Promise<void> {
  const body = JSON.stringify({ events: events.filter(({ kind }) => kind !== 10051) })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(urlOf('/packages'), { method: 'POST', headers, body })
  expect(answer.status).toBe(200)
}

/** Where each event was refused by a check that needs no store. */
function isAnyAccepted({ body }: Answer): boolean {
  const { results } = body as { results: readonly { accepted: boolean }[] }
  return results.some(({ accepted }) => accepted)
}

function requests(openapi: OpenApiDocument): fc.Arbitrary<Request> {
  const known: Known = {
    refs: { '#/components/schemas/Event': eventsOrNot() },
    texts: {
      '^[0-9a-f]{64}$': fc.constantFrom(
        ...PEOPLE.map(({ pubkey }) => pubkey),
        // Claims spend none of them.
        ...events.filter(({ kind }) => kind === 30443).map(({ id }) => id),
      ),
    },
  }
  return fc.oneof(
    ...operationsOf(openapi).map((operation) => ({
      // Otherwise there would soon be nothing left.
      weight: /^(delete|mark)/.test(operation.operationId) ? 1 : 4,
      arbitrary: requestsFor(operation, known),
    })),
  )
}

function requestsFor(operation: Operation, known: Known): fc.Arbitrary<Request> {
  return fc
    .record({
      operation: fc.constant(operation),
      target: targetsFor(operation, known),
      body: bodiesFor(operation, known),
      contentType: usually(
        fc.constant('application/json'),
        fc.constantFrom('text/plain', 'application/json; charset=utf-8'),
      ),
      signature: usually<Request['signature']>(
        fc.constantFrom('valid', 'none'),
        fc.constantFrom('stale', 'of another method', 'garbage'),
      ),
      other: fc.constantFrom(undefined, undefined, ...PEOPLE),
    })
    .map(({ other, ...request }) => ({ ...request, by: other ?? meantIn(request.target) }))
}

/** Whose the pubkey or the package in a path is, if anybody's. */
function meantIn(target: string): Person {
  const author = events.find(({ id }) => target.includes(id))?.pubkey
  const [first = person()] = PEOPLE
  return PEOPLE.find(({ pubkey }) => pubkey === author || target.includes(pubkey)) ?? first
}

function targetsFor({ path, parameters }: Operation, known: Known): fc.Arbitrary<string> {
  const inPath = parameters.filter((parameter) => parameter.in === 'path')
  const inQuery = parameters.filter((parameter) => parameter.in === 'query')
  const values = fc.record(
    Object.fromEntries(
      inPath.map(({ name, schema }) => [name, usually(valuesOf(schema, known), fc.string({ minLength: 1 }))]),
    ),
  )
  const query = fc.record(
    Object.fromEntries(
      inQuery.map(({ name, schema }) => [name, usually(valuesOf(schema, known), fc.string())]),
    ),
    { requiredKeys: [] },
  )
  return fc.tuple(values, query).map(([found, asked]) => {
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) => segment(String(found[name])))
    const search = new URLSearchParams(
      Object.entries(asked).map(([name, value]): [string, string] => [name, String(value)]),
    )
    return search.size === 0 ? filled : `${filled}?${search}`
  })
}

/** As one segment of a path; dots alone would lead to another path. */
function segment(text: string): string {
  return /^\.+$/.test(text) ? 'dots' : encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, '?'))
}

function bodiesFor({ body }: Operation, known: Known): fc.Arbitrary<string | undefined> {
  if (body === undefined) return usually(fc.constant(undefined), fc.json())
  const valid = valuesOf(body, known).map((value) => JSON.stringify(value))
  return usually(valid, fc.oneof(fc.json(), fc.string(), fc.constant(undefined), altered(valid)))
}

/** Valid text, with one character replaced. */
function altered(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(texts, fc.nat(), fc.string({ minLength: 1, maxLength: 1 }))
    .map(([text, at, by]) => `${text.slice(0, at % text.length)}${by}${text.slice((at % text.length) + 1)}`)
}

function eventsOrNot(): fc.Arbitrary<unknown> {
  const real = fc.constantFrom(...events)
  const changed = fc.tuple(real, fc.constantFrom('id', 'kind', 'tags', 'content', 'sig'), fc.jsonValue())
  return usually(
    real,
    fc.oneof(
      fc.jsonValue(),
      changed.map(([event, field, value]) => ({ ...event, [field]: value })),
    ),
  )
}

function usually<Value>(common: fc.Arbitrary<Value>, rare: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return fc.oneof({ weight: 5, arbitrary: common }, { weight: 1, arbitrary: rare })
}

async function send({ operation, target, body, contentType, signature, by }: Request): Promise<Answer> {
  const { method } = operation
  const sent = method === 'GET' ? undefined : body
  const signed = {
    method,
    url: `https://relay.example.com/api/v1${target}`,
    ...(sent !== undefined && { body: sent }),
  }
  const now = Math.floor(Date.now() / 1000)
  const headers = {
    none: {},
    valid: { authorization: authorizationBy(by, { ...signed, now }) },
    stale: { authorization: authorizationBy(by, { ...signed, now: now - 120 }) },
    'of another method': { authorization: authorizationBy(by, { ...signed, method: 'PUT', now }) },
    garbage: { authorization: 'Nostr e30=' },
  }[signature]
  const answer = await fetch(urlOf(target), {
    method,
    headers: { ...headers, ...(sent !== undefined && { 'content-type': contentType }) },
    ...(sent !== undefined && { body: sent }),
  })
  return {
    status: answer.status,
    contentType: answer.headers.get('content-type') ?? '',
    body: await answer.json(),
  }
}

function urlOf(target: string): string {
  return `${server.url.replace(/^ws/, 'http')}/api/v1${target}`
}
