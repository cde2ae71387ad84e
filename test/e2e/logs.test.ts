/**
 * What a log never has in it, whatever happens: who asked, from where, passwords, signatures, key packages (I4). A lively
 * scenario runs in all processes that log, at the lowest level, and every line of theirs is searched.
 */

import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { runCli, type Serving, serveCli } from '../support/cli.ts'
import { Client } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { type HttpReply, http } from '../support/http.ts'
import { authorizationBy, headerOf, httpAuthEvent } from '../support/http-auth.ts'
import { keyPackageEvent, makeKeyPackage } from '../support/key-packages.ts'
import { type Person, person } from '../support/people.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { startRelay } from '../support/relay.ts'
import { scratch } from '../support/scratch.ts'
import { Plugin, pluginCommand } from '../support/strfry.ts'

const now = Math.floor(Date.now() / 1000)
const folder = scratch()
const admin = person('admin')
const alice = person('alice')
const requesters = ['bob', 'carol', 'dave'].map((name) => person(name))
const [bob, carol, dave] = requesters as [Person, Person, Person]

const PASSWORD = 'redis-hunter2'
const UPSTREAM_PASSWORD = 'upstream-hunter3'
const ADDRESSES = ['203.0.113.77', '198.51.100.88', '2001:db8:77::88']
const [ADDRESS, OTHER_ADDRESS] = ADDRESSES as [string, string]
const GARBAGE = 'a-private-key-that-somebody-pasted'
/** Of an admin alone the log says who it was, and whom they banned. */
const CHANGED = 'changed by an admin'
const PASSED_ON = 'passed on to the relay for an admin'

const secrets = new Map<string, string>()
const lines: string[] = []
/** Every event and header that was sent. */
function sent<Sent extends SignedEvent | string>(what: Sent): Sent {
  if (typeof what === 'string') {
    secrets.set(what.slice(0, 60), 'a header')
    return what
  }
  secrets.set(what.sig, 'a signature')
  if (what.content.length > 40) secrets.set(what.content.slice(0, 40), 'a key package')
  return what
}

async function packages(count: number, author = alice): Promise<SignedEvent[]> {
  const made = Array.from({ length: count }, (_, age) =>
    makeKeyPackage(author, { now }).then((made) => keyPackageEvent(author, made, { createdAt: now - age })),
  )
  return (await Promise.all(made)).map(sent)
}

/** What no server takes: each is refused for another reason. */
async function wrong(): Promise<SignedEvent[]> {
  const made = await makeKeyPackage(alice, { now })
  const trailing = Buffer.concat([made.bytes, randomBytes(40)])
  return [
    keyPackageEvent(alice, made, { createdAt: now, bytes: trailing }),
    keyPackageEvent(alice, made, { createdAt: now, content: GARBAGE.repeat(3) }),
    keyPackageEvent(alice, made, { createdAt: now + 9_000 }),
    keyPackageEvent(bob, made, { createdAt: now }),
    keyPackageEvent(alice, made, { createdAt: now, tags: { encoding: [GARBAGE] } }),
    { ...keyPackageEvent(alice, made, { createdAt: now - 5 }), sig: 'f'.repeat(128) },
  ].map(sent)
}

async function speak(url: string, person: Person, from: string): Promise<void> {
  const headers = { 'x-forwarded-for': from, 'x-real-ip': ADDRESSES[2] ?? '', forwarded: `for="${from} x"` }
  const client = await Client.greeted(url, { headers })
  for (const event of await packages(4)) await client.publish(event)
  for (const event of await wrong()) await client.publish(event)
  await client.authenticate(person, now)
  await client.request('claims', { kinds: [443], authors: [alice.pubkey, carol.pubkey] })
  await client.request('browses', { kinds: [443] })
  await client.request('counts', { kinds: [443], '#p': [person.pubkey] })
  client.sendRaw(`["EVENT",${JSON.stringify(GARBAGE)}`)
  client.sendRaw(`["REQ","x",{"authors":["${person.pubkey}"],"kinds":["${GARBAGE}"]}]`)
  client.sendRaw(Buffer.from(GARBAGE))
  client.send(['AUTH', sent(keyPackageEvent(person, await makeKeyPackage(person, { now })))])
  await client.rest()
  await client.close()
}

/** REST and NIP-86, signed well and badly. */
async function call(url: string): Promise<readonly number[]> {
  const base = url.replace(/^ws/, 'http').replace(/\/$/, '')
  const from = { 'x-forwarded-for': OTHER_ADDRESS }
  const claim = JSON.stringify({ authors: [alice.pubkey] })
  const json = { ...from, 'content-type': 'application/json' }
  const claims = `${base}/api/v1/claims`
  const post = (authorization: string, body: string, target = claims, type = json): Promise<HttpReply> =>
    http(target, { method: 'POST', headers: { ...type, authorization: sent(authorization) }, body })
  const signed = { method: 'POST', url: claims, body: claim, now }
  const good = authorizationBy(dave, signed)
  const bad = headerOf({ ...httpAuthEvent(dave, signed), sig: '0'.repeat(128) })
  const answers = [await post(good, claim), await post(good, claim), await post(bad, claim)]
  answers.push(await post(`Nostr ${GARBAGE}`, `{"authors":["${GARBAGE}`))
  const rpc = { ...from, 'content-type': 'application/nostr+json+rpc' }
  for (const [person, method, params] of [
    [admin, 'banpubkey', [carol.pubkey, 'spam']],
    [admin, 'blockip', [OTHER_ADDRESS, 'spam']],
    [admin, 'of-the-relay', []],
    [dave, 'banpubkey', [bob.pubkey]],
  ] as const) {
    const body = JSON.stringify({ method, params })
    const order = { method: 'POST', url: `${base}/`, body, now }
    answers.push(await post(authorizationBy(person, order), body, `${base}/`, rpc))
  }
  return answers.map(({ status }) => status)
}

function keep(serving: Serving): void {
  for (const line of serving.log) lines.push(JSON.stringify(line))
}

async function end(serving: Serving): Promise<void> {
  serving.kill('SIGTERM')
  await serving.finished
  keep(serving)
}

/** The relay for key packages on a Redis that goes away and comes back. */
async function standalone(redis: RedisServer): Promise<void> {
  const serving = await serveCli(['--log-level', 'debug', ...TRUSTING, ...AUDITED], {
    env: { KPG_STORE: redis.urlFor('gateway', PASSWORD) },
  })
  await speak(serving.url, bob, ADDRESS)
  expect(await call(serving.url)).toEqual([200, 401, 401, 401, 200, 200, 400, 403])
  await redis.kill()
  const client = await Client.greeted(serving.url, { headers: { 'x-forwarded-for': ADDRESS } })
  for (const event of await packages(1)) expect((await client.publish(event))[0]).toBe(false)
  await client.authenticate(dave, now)
  await client.request('fails', { kinds: [443], authors: [alice.pubkey] })
  client.send(['CLOSE', 'fails'])
  expect((await call(serving.url)).slice(0, 2)).toEqual([503, 503])
  await client.cut()
  await redis.start()
  await redis.admit('gateway', `another-${PASSWORD}`)
  const faults = () => serving.log.filter(({ fault }) => fault !== undefined)
  await eventually('it says that the password is wrong', async () => faults().length > 1)
  await end(serving)
}

/** In front of a relay that goes away, with a password for it. */
async function inFront(): Promise<void> {
  const relay = await startRelay()
  const upstream = relay.url.replace('//', `//gateway:${UPSTREAM_PASSWORD}@`)
  const serving = await serveCli([
    '--store',
    `lmdb:${join(folder, 'proxy')}`,
    '--log-level',
    'debug',
    '--upstream',
    upstream,
    ...TRUSTING,
  ])
  const unreadable = await Client.greeted(serving.url, {
    headers: { 'x-forwarded-for': `${ADDRESS}-${GARBAGE}` },
  })
  await unreadable.close()
  await speak(serving.url, carol, ADDRESS)
  await call(serving.url)
  await relay.stop()
  await expect(Client.connect(serving.url)).rejects.toThrow()
  await end(serving)
}

/** strfry's plugin, with questions of all sorts, and a policy behind it that answers nonsense. */
async function plugin(): Promise<void> {
  const store = `lmdb:${join(folder, 'strfry')}`
  const behind = `read line; echo '${GARBAGE}'; echo "$line"; exit 3`
  for (const command of [[], ['--', '/bin/sh', '-c', `${behind.replaceAll("'", '')}`]]) {
    const strfry = new Plugin(pluginCommand('--store', store, '--log-level', 'debug', ...command))
    for (const event of [...(await packages(2)), ...(await wrong())])
      await strfry.ask(event, { sourceInfo: ADDRESS })
    strfry.write(`${GARBAGE}\n{"type":"new","event":{"content":"${GARBAGE}"}}\n`)
    await strfry.ask((await packages(1))[0], { sourceInfo: OTHER_ADDRESS, authed: bob.pubkey })
    strfry.end()
    await strfry.ended
    lines.push(...strfry.stderr.split('\n'))
  }
}

/** The commands for operators. What they print on stdout is their result: it may name authors, and no password. */
async function commands(redis: RedisServer): Promise<void> {
  const file = join(folder, 'events.jsonl')
  const events = [...(await packages(2)), ...(await wrong())]
  writeFileSync(file, `${events.map((event) => JSON.stringify(event)).join('\n')}\n${GARBAGE}\n`)
  const wrongPassword = { env: { KPG_STORE: redis.urlFor('gateway', PASSWORD) } }
  const right = { env: { KPG_STORE: redis.urlFor('gateway', `another-${PASSWORD}`) } }
  const lmdb = { env: { KPG_STORE: `lmdb:${join(folder, 'proxy')}` } }
  for (const [args, settings] of [
    [['import', file], right],
    [['stats'], right],
    [['check'], right],
    [['sweep', '--once'], right],
    [['list', alice.pubkey], lmdb],
    [['bans'], lmdb],
    [['check', '--upstream', `ws://gateway:${UPSTREAM_PASSWORD}@127.0.0.1:1`], wrongPassword],
    [['stats'], wrongPassword],
    [['serve', '--listen', '127.0.0.1:0', '--admin-listen', 'none'], wrongPassword],
    [['stats', '--store', `redis://gateway:${PASSWORD}@127.0.0.1:no-port`], lmdb],
  ] as const) {
    const { stdout, stderr } = await runCli(args, settings)
    lines.push(...stderr.split('\n'))
    for (const password of [PASSWORD, UPSTREAM_PASSWORD]) expect(stdout).not.toContain(password)
  }
}

const TRUSTING = ['--proxy-trust', '127.0.0.1', '--admin-pubkeys', admin.pubkey]
const AUDIT = join(folder, 'audit.jsonl')
const AUDITED = ['--audit-to', 'file', '--audit-path', AUDIT]

beforeAll(async () => {
  const redis = await startRedis()
  await redis.admit('gateway', PASSWORD)
  await standalone(redis)
  await Promise.all([inFront(), plugin()])
  await commands(redis)
  await redis.stop()
}, 120_000)

/** Where a text is in the log, which is what the failure of a test should say. */
const linesWith = (text: string) => lines.filter((line) => line.toLowerCase().includes(text.toLowerCase()))

describe('the log of a lively day', () => {
  it('has much in it, so that the rest of this says something', () => {
    const text = lines.join('\n')
    for (const message of [
      CHANGED,
      'key packages are unavailable: Redis',
      'the upstream relay cannot be reached',
      'skipped a line from strfry',
      'skipped a line from COMMAND',
      'two forwarding headers',
      'by what is no address',
      PASSED_ON,
      'serving key packages',
    ])
      expect(text).toContain(message)
  })

  it.each(requesters)('does not name who asked: $pubkey (I4)', ({ pubkey }) => {
    expect(linesWith(pubkey).filter((line) => !line.includes(CHANGED))).toEqual([])
  })

  it('names an admin, and whom they banned, where something was changed and nowhere else', () => {
    const changes = linesWith(admin.pubkey)
    expect(changes.length).toBeGreaterThan(2)
    for (const line of changes) expect([CHANGED, PASSED_ON].some((what) => line.includes(what))).toBe(true)
  })

  it.each(ADDRESSES)('does not say where they asked from: %s', (address) => {
    expect(linesWith(address).filter((line) => !line.includes(CHANGED))).toEqual([])
  })

  it('does not name an author', () => {
    expect(linesWith(alice.pubkey)).toEqual([])
  })

  it.each([PASSWORD, UPSTREAM_PASSWORD, GARBAGE])('does not contain %s', (text) => {
    expect(linesWith(text)).toEqual([])
  })

  it('contains no key package, no signature and no header of a request (I4)', () => {
    expect(secrets.size).toBeGreaterThan(30)
    for (const [secret, what] of secrets) expect([what, linesWith(secret)]).toEqual([what, []])
  })
})

describe('the audit log', () => {
  const audit = () => readFileSync(AUDIT, 'utf8')

  it('names authors, but neither who asked nor a password or a package (I4)', () => {
    const records = audit()
    expect(records).toContain('"action":"claim"')
    expect(records).toContain(alice.pubkey)
    for (const text of [dave.pubkey, ADDRESS, PASSWORD, ...secrets.keys()])
      expect(records).not.toContain(text)
  })
})
