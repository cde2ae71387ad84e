/** The REST interface of a real `serve`: as its README says, with a relay behind, and loaded when it is needed. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from '@jest/globals'
import { nsecEncode } from 'nostr-tools/nip19'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { Client } from '../support/client.ts'
import { authorizationBy } from '../support/http-auth.ts'
import { keyPackageEvent, makeKeyPackage, signEvent } from '../support/key-packages.ts'
import { type Person, person } from '../support/people.ts'
import { run } from '../support/processes.ts'
import { startRelay, type TestRelay } from '../support/relay.ts'
import { scratch } from '../support/scratch.ts'
import { type ServeProcess, type ServeSettings, startServe } from './serve-process.ts'

const alice = person('alice')
const bob = person('bob')
const README = readFileSync(new URL('../../adapters/http/README.md', import.meta.url), 'utf8')
let server: ServeProcess
let relay: TestRelay | undefined

afterEach(async () => {
  await server?.stop()
  await relay?.stop()
  relay = undefined
})

async function serve(settings: ServeSettings = {}): Promise<void> {
  server = await startServe(scratch(), { store: 'memory:', ...settings })
}

const base = () => server.url.replace(/^ws/, 'http')

/** A request as its client sends it; the JSON of the answer, with its status. */
async function request(
  method: string,
  path: string,
  json?: unknown,
  as?: Person,
): Promise<{ status: number; body: Readonly<Record<string, unknown>> }> {
  const url = `${base()}${path}`
  const body = json === undefined ? undefined : JSON.stringify(json)
  const signed = { method, url, now: server.now(), ...(body !== undefined && { body }) }
  const headers = {
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(as && { authorization: authorizationBy(as, signed) }),
  }
  const answer = await fetch(url, { method, headers, ...(body !== undefined && { body }) })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

async function keyPackages(author: Person, count: number): Promise<SignedEvent[]> {
  const now = server.now()
  const made = Array.from({ length: count }, async (_, index) =>
    keyPackageEvent(author, await makeKeyPackage(author, { now }), { createdAt: now - index }),
  )
  return Promise.all(made)
}

describe('adapters/http/README.md', () => {
  it('has an example that claims, and lists what is left', async () => {
    await serve()
    const events = [...(await keyPackages(alice, 1)), ...(await keyPackages(bob, 2))]
    await request('POST', '/api/v1/packages', { events })
    const [, code = ''] = /```js\n(import(?:(?!```).)*\/claims.*?)```/s.exec(README) ?? []
    // Next to the package, so that its imports resolve.
    const program = fileURLToPath(new URL('../../dist/readme/adapters-http-REST.mjs', import.meta.url))
    mkdirSync(dirname(program), { recursive: true })
    writeFileSync(program, code.replace('https://relay.example.com', base()))
    const env = { ...process.env, NSEC: nsecEncode(bob.secretKey) }
    const said = await run(process.execPath, [program, alice.pubkey], { env })
    expect(said).toContain(`${alice.pubkey} delivered [ '${events[0]?.id}' ]`)
    expect(said).toContain('only 2 of 2 packages are fresh: publish more')
  })

  it('has commands for curl that work', async () => {
    await serve()
    const [, commands = ''] = /```sh\n(curl.*?)```/s.exec(README) ?? []
    const said = await run('sh', ['-ec', commands.replaceAll('http://127.0.0.1:7447', base())])
    expect(said).toContain('"openapi":"3.1.0"')
    expect(said).toContain('"name":"keypackage-gateway"')
    expect(said).toContain('"outcome":"none"')
  })
})

describe('with a relay behind', () => {
  const API = '/keypackages/api/v1'

  it("is below http.path, and what is beside it is the relay's", async () => {
    relay = await startRelay()
    await serve({ upstream: relay.url })
    const document = await request('GET', `${API}/openapi.json`)
    expect(document.body).toMatchObject({ servers: [{ url: API }] })
    expect(await request('GET', `${API}/nothing`)).toMatchObject({ status: 404, body: { prefix: 'invalid' } })
    const answer = await fetch(`${base()}/api/v1/claims`, { method: 'POST', body: 'echo' })
    expect([answer.headers.get('content-type'), await answer.text()]).toEqual(['text/html', 'echo'])
  })

  it('takes key packages and delivers them, over HTTP and WebSockets alike', async () => {
    relay = await startRelay()
    await serve({ upstream: relay.url })
    const events = await keyPackages(alice, 2)
    expect((await request('POST', `${API}/packages`, { events }, alice)).body.results).toMatchObject([
      { accepted: true },
      { accepted: true },
    ])
    const client = await Client.connect(server.url)
    await client.authenticate(bob, server.now())
    const { events: delivered } = await client.request('claim', { kinds: [443], authors: [alice.pubkey] })
    await client.close()
    const { body } = await request('POST', `${API}/claims`, { authors: [alice.pubkey] }, bob)
    expect(body.results).toMatchObject([{ events: delivered }])
    expect((await request('GET', `${API}/packages`, undefined, alice)).body).toMatchObject({ fresh: 1 })
  })

  it("shows the relay's information with ours", async () => {
    relay = await startRelay()
    await serve({ upstream: relay.url })
    const own = await fetch(base(), { headers: { accept: 'application/nostr+json' } })
    expect((await request('GET', `${API}/information`)).body).toEqual(await own.json())
  })

  it('refuses what only the relay keeps', async () => {
    relay = await startRelay()
    await serve({ upstream: relay.url })
    const tags = [['relay', 'wss://relay.example.com']]
    const event = signEvent(alice.secretKey, { kind: 10051, created_at: server.now(), tags, content: '' })
    for (const answer of [
      await request('POST', `${API}/relay-lists`, { event }),
      await request('GET', `${API}/authors/${alice.pubkey}/relay-lists`),
    ]) {
      expect(answer).toMatchObject({ status: 501, body: { prefix: 'restricted' } })
    }
  })

  it.each<[string, ServeSettings]>([
    ['custody is relay', { custody: 'relay' }],
    ['proxy.publish is upstream', { proxy: { publish: 'upstream' } }],
  ])('refuses to publish where %s, and lets authors delete', async (_where, settings) => {
    relay = await startRelay()
    const directory = scratch()
    server = await startServe(directory, { upstream: relay.url, ...settings })
    const [event] = await keyPackages(alice, 1)
    expect(await request('POST', `${API}/packages`, { events: [event] }, alice)).toMatchObject({
      status: 501,
      body: {
        detail:
          'restricted: the relay behind this gateway takes key packages; publish them over its WebSocket',
      },
    })
    expect(await request('DELETE', `${API}/packages`, undefined, alice)).toMatchObject({
      status: 200,
      body: { removed: 0 },
    })
  })
})

describe('Fastify', () => {
  it('is loaded for the first request, not with the server', async () => {
    const compiled = new URL('../../dist/adapters/http/api/', import.meta.url)
    const script = `
      const { createRequire } = await import('node:module')
      const isLoaded = () => Object.keys(createRequire('file:///').cache).some((file) => file.includes('/fastify/'))
      await import('${new URL('rest.js', compiled)}')
      const before = isLoaded()
      await import('${new URL('api.js', compiled)}')
      console.log(before, isLoaded())`
    expect(await run(process.execPath, ['--input-type=module', '--eval', script])).toBe('false true\n')
  })
})
