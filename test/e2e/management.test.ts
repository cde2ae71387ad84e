/** NIP-86 on `serve` as it is run: one process and two on the same store, with and without a relay behind. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from '@jest/globals'
import { npubEncode, nsecEncode } from 'nostr-tools/nip19'
import { getToken } from 'nostr-tools/nip98'
import { finalizeEvent } from 'nostr-tools/pure'
import { runCli, serveCli } from '../support/cli.ts'
import { Client } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { http } from '../support/http.ts'
import { type ManagedRelay, startManagedRelay } from '../support/management.ts'
import { person } from '../support/people.ts'
import { run } from '../support/processes.ts'
import { scratch } from '../support/scratch.ts'
import { type ServeProcess, type ServeSettings, startServe } from './serve-process.ts'

const admin = person('admin')
const alice = person('alice')
const PUBLIC_URL = 'wss://relay.example.com'
const RPC = 'application/nostr+json+rpc'

const started: { stop(): Promise<void> }[] = []

async function start(directory = scratch(), settings: ServeSettings = {}): Promise<ServeProcess> {
  const server = await startServe(directory, {
    publicUrl: PUBLIC_URL,
    admin: { pubkeys: [npubEncode(admin.pubkey)], listen: 'none' },
    ...settings,
  })
  started.push(server)
  return server
}

async function startRelay(...call: Parameters<typeof startManagedRelay>): Promise<ManagedRelay> {
  const relay = await startManagedRelay(...call)
  started.push({ stop: () => relay.close() })
  return relay
}

afterEach(async () => {
  for (const { stop } of started.splice(0)) await stop()
})

interface Call {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A call as a client signs it that uses nostr-tools. */
async function signed(method: string, params: readonly unknown[] = []): Promise<Call> {
  const call = { method, params }
  const sign = (event: Parameters<typeof finalizeEvent>[0]) => finalizeEvent(event, admin.secretKey)
  const authorization = await getToken(PUBLIC_URL, 'post', sign, true, call)
  return { headers: { authorization, 'content-type': RPC }, body: JSON.stringify(call) }
}

async function send({ url }: ServeProcess, call: Call) {
  const { status, body } = await http(url.replace('ws', 'http'), { method: 'POST', ...call })
  return { status, ...JSON.parse(body) }
}

async function documentOf({ url }: ServeProcess): Promise<Record<string, unknown>> {
  const headers = { accept: 'application/nostr+json' }
  return JSON.parse((await http(url.replace('ws', 'http'), { headers })).body)
}

describe('two processes on one store', () => {
  it('accept a request once between them, however it is sent', async () => {
    const directory = scratch()
    const servers = [await start(directory), await start(directory)]
    const call = await signed('banpubkey', [alice.pubkey])
    const all = Array.from({ length: 10 }, () => servers).flat()
    const outcomes = await Promise.all(all.map((server) => send(server, call)))
    expect(outcomes.filter(({ status }) => status === 200)).toEqual([{ status: 200, result: true }])
    expect(outcomes.filter(({ status }) => status === 401)).toHaveLength(19)
  })

  it('both do what an admin tells one of them, and still do so when they start again', async () => {
    const directory = scratch()
    const [first, second] = [await start(directory), await start(directory)]
    const client = await Client.greeted(second.url)
    expect(await send(first, await signed('blockip', ['127.0.0.1', 'a test']))).toMatchObject({
      result: true,
    })
    expect(await send(first, await signed('changerelayname', ['Keys']))).toMatchObject({ result: true })
    await eventually('the other process knows the name', async () => {
      return (await documentOf(second)).name === 'Keys'
    })
    await eventually('the other process refuses the address', async () => {
      client.send(['REQ', 's', { kinds: [443], authors: [alice.pubkey] }])
      await client.until('EOSE', 's')
      return client.history.some(([verb, , why]) => verb === 'CLOSED' && /^blocked: /.test(String(why)))
    })
    await client.close()
    await first.stop()
    const again = await start(directory)
    expect(await documentOf(again)).toMatchObject({
      name: 'Keys',
      supported_nips: expect.arrayContaining([86]),
    })
    expect(await send(again, await signed('listblockedips'))).toMatchObject({
      result: [{ ip: '127.0.0.1', reason: 'a test' }],
    })
  })
})

describe('in front of a relay', () => {
  it('that has NIP-86, both are told', async () => {
    const relay = await startRelay(({ method }) => ({
      result: method === 'supportedmethods' ? ['banevent'] : true,
    }))
    const server = await start(scratch(), { upstream: relay.url.replace('http', 'ws') })
    expect(await send(server, await signed('banpubkey', [alice.pubkey]))).toEqual({
      status: 200,
      result: true,
      gateway: 'done',
      relay: 'done',
    })
    const { result } = await send(server, await signed('supportedmethods'))
    expect(result).toEqual(expect.arrayContaining(['banpubkey', 'banevent']))
    expect(relay.received).toMatchObject([{ method: 'banpubkey' }, { method: 'supportedmethods' }])
  })

  it("without admins here, a request is the relay's alone", async () => {
    const relay = await startRelay(() => ({ result: 'the relay did it' }))
    const upstream = relay.url.replace('http', 'ws')
    const server = await start(scratch(), { upstream, admin: { listen: 'none' } })
    expect(await send(server, await signed('banpubkey', [alice.pubkey]))).toEqual({
      status: 200,
      result: 'the relay did it',
    })
    expect((await documentOf(server)).supported_nips).toEqual([1, 11, 42, 86, 98])
  })
})

describe('adapters/http/README.md', () => {
  it('has an example that works', async () => {
    const server = await start(scratch(), { publicUrl: undefined })
    const url = `${server.url.replace('ws', 'http')}/`
    const readme = readFileSync(new URL('../../adapters/http/README.md', import.meta.url), 'utf8')
    const [, code = ''] = /```js\n(import(?:(?!```).)*banpubkey.*?)```/s.exec(readme) ?? []
    // Next to the package, so that its imports resolve.
    const program = fileURLToPath(new URL('../../dist/readme/adapters-http-README-md.mjs', import.meta.url))
    mkdirSync(dirname(program), { recursive: true })
    writeFileSync(program, code.replace('https://relay.example.com/', url))
    const env = { ...process.env, NSEC: nsecEncode(admin.secretKey) }
    expect(await run(process.execPath, [program], { env })).toMatch(/pubkey: '3bf0c63f.*reason: 'spam'/s)
  })
})

describe('a start', () => {
  it('warns if there are admins and no publicUrl', async () => {
    const serving = await serveCli([
      ...['--store', 'memory:', '--admin-listen', 'none'],
      ...['--admin-pubkeys', admin.pubkey],
    ])
    serving.kill('SIGTERM')
    await serving.finished
    expect(serving.log.map(({ msg }) => msg)).toContainEqual(
      expect.stringMatching(/^admin\.pubkeys is set and publicUrl is not: /),
    )
  })

  it('is refused if an admin is no pubkey', async () => {
    const wrong = npubEncode(admin.pubkey).replace(/.$/, (last) => (last === 'q' ? 'p' : 'q'))
    const { code, stderr } = await runCli(['serve', '--store', 'memory:', '--admin-pubkeys', wrong])
    expect(code).toBe(2)
    expect(stderr).toMatch(
      /admin\.pubkeys: .*npub1.* is not allowed; expected a list of strings such as npub1/,
    )
  })
})
