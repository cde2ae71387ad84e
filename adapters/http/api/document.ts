/** The OpenAPI 3.1 document: made from the schemas that requests are checked by, and complete enough to generate a client. */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import swagger from '@fastify/swagger'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { PROBLEM_JSON } from '../problem.ts'
import type { ApiSettings } from './api-settings.ts'
import type { Authentication } from './caller.ts'
import { problemSchema } from './schemas.ts'

/** A Fastify instance whose schemas are those of zod. */
export type TypedApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>

/** What the document says about one operation besides its schemas. */
export interface Description {
  readonly id: string
  readonly tag: 'key packages' | 'own packages' | 'authors' | 'relay'
  readonly summary: string
  readonly text: string
  readonly authentication: Authentication
  /** The statuses of the problems that it can answer. */
  readonly refusals: readonly number[]
}

const { id: problemName = '' } = problemSchema.meta() ?? {}

/** Where the statuses are until the document is finished. */
const REFUSALS = 'x-refusals'

const NIP_98 = 'nip98'

const securityOf: Readonly<Record<Authentication, Record<string, string[]>[]>> = {
  required: [{ [NIP_98]: [] }],
  optional: [{}, { [NIP_98]: [] }],
  ignored: [],
}

/** The part of a route's schema that Fastify hands to the document as it is. */
export function describe({ id, tag, summary, text, authentication, refusals }: Description) {
  // A signature that does not hold is refused wherever one is looked at.
  const all = authentication === 'ignored' ? refusals : [401, ...refusals]
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: text,
    security: securityOf[authentication],
    [REFUSALS]: [...new Set(all)].sort(),
  }
}

export async function addDocument(app: FastifyInstance, { base, version }: ApiSettings): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'keypackage-gateway',
        version,
        license: { name: 'MIT', identifier: 'MIT' },
        description:
          'Publish and claim MLS key packages on a Nostr relay over HTTP. Every check, quota and rule is that of the WebSocket; ' +
          'the same pubkey is the same requester on both.',
      },
      servers: [{ url: `${base}/api/v1` }],
      tags: [
        { name: 'key packages', description: 'Publishing, and claiming those of others' },
        { name: 'own packages', description: 'What only their author may see and remove' },
        { name: 'authors', description: 'What is asked about one author' },
        { name: 'relay', description: 'What the relay says about itself' },
      ],
      components: {
        securitySchemes: {
          [NIP_98]: {
            type: 'http',
            scheme: 'Nostr',
            description:
              'NIP-98: base64 of a signed event of kind 27235 with the tags `u` (the absolute URL), `method`, and for a body ' +
              '`payload` (its SHA-256). Each is used once, within 60 seconds.',
          },
        },
      },
    },
    convertConstToEnum: false,
    transform: jsonSchemaTransform,
    transformObject: (input) => finished(jsonSchemaTransformObject(input)),
  })
  let text: string | undefined
  app.get(
    `${base}/api/v1/openapi.json`,
    { schema: { hide: true }, config: { authentication: 'ignored' } },
    async (_request, reply) => {
      text ??= JSON.stringify(app.swagger())
      return reply.type('application/json').send(text)
    },
  )
}

interface Operation {
  readonly [REFUSALS]?: readonly number[]
  readonly responses?: Readonly<Record<string, object>>
}

interface Document {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> }
}

/** With the problems of each operation, and without schemas that nothing refers to. */
function finished(made: object): Document {
  const document: Document = made
  const paths = mapped(document.paths ?? {}, (operations) => mapped(operations, withProblems))
  const schemas = document.components?.schemas ?? {}
  const used = namesUsedBy(paths, schemas)
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)))
  return { ...document, paths, components: { ...document.components, schemas: kept } }
}

function withProblems({ [REFUSALS]: statuses = [], responses, ...operation }: Operation): Operation {
  const success = mapped({ ...responses }, (response) => ({ ...response, description: 'Success' }))
  const problems = statuses.map((status) => [status, problemResponse(status)])
  return { ...operation, responses: { ...success, ...Object.fromEntries(problems) } }
}

function problemResponse(status: number): object {
  const headers = headersAt(status)
  return {
    description: STATUS_CODES[status] ?? '',
    ...(headers && { headers }),
    content: { [PROBLEM_JSON]: { schema: { $ref: `#/components/schemas/${problemName}` } } },
  }
}

function headersAt(status: number): object | undefined {
  const text = { schema: { type: 'string' } }
  if (status === 401) return { 'WWW-Authenticate': { ...text, description: 'The scheme: Nostr (NIP-98)' } }
  if (status !== 429) return undefined
  return { 'Retry-After': { schema: { type: 'integer' }, description: 'Seconds, if they are known' } }
}

/** The names of the schemas that these paths need, and those that these need in turn. */
function namesUsedBy(paths: object, schemas: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const used = new Set(namesIn(paths))
  for (const name of used) for (const other of namesIn(schemas[name] ?? {})) used.add(other)
  return used
}

function namesIn(part: unknown): string[] {
  const refs = JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)
  return [...refs].map(([, name = '']) => name)
}

function mapped<Value, Result>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}
