/** The logs of real processes: the audit log through rotation, SIGTERM and a full disk, SIGHUP, and what is never logged. */

import { existsSync, readFileSync, renameSync, symlinkSync, unlinkSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { authorNamed, HOUR, LIMITS, NOW, packageNamed } from '../../contract/index.ts'
import { runCli, type Serving, serveCli } from '../../support/cli.ts'
import { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { keyPackageEvent, makeKeyPackage } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'
import { scratch } from '../../support/scratch.ts'
import { Plugin, pluginCommand } from '../../support/strfry.ts'

const alice = person('alice')
let directory: string
const started: Serving[] = []

beforeEach(() => {
  directory = scratch()
})

afterEach(async () => {
  await Promise.all(
    started.splice(0).map((serving) => {
      serving.kill('SIGTERM')
      return serving.finished
    }),
  )
})

async function serve(...args: string[]): Promise<Serving> {
  const serving = await serveCli(['--store', 'memory:', ...args])
  started.push(serving)
  return serving
}

async function newKeyPackage(): Promise<SignedEvent> {
  const now = Math.floor(Date.now() / 1000)
  return keyPackageEvent(alice, await makeKeyPackage(alice, { now }), { createdAt: now })
}

async function publish({ url }: Serving): Promise<SignedEvent> {
  const event = await newKeyPackage()
  const client = await Client.greeted(url)
  expect(await client.ask('EVENT', event)).toEqual(['OK', event.id, true, ''])
  client.close()
  return event
}

function idsIn(path: string): unknown[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  return lines.map((line) => (JSON.parse(line) as { id?: unknown }).id)
}

describe('serve --audit-to file', () => {
  it('writes to a new file after SIGHUP, and loses no line on SIGTERM', async () => {
    const path = `${directory}/audit.jsonl`
    const serving = await serve('--audit-to', 'file', '--audit-path', path)
    const first = await publish(serving)
    renameSync(path, `${path}.1`)
    const second = await publish(serving)
    serving.kill('SIGHUP')
    await eventually('the log says so', () => serving.log.some(({ msg }) => msg === 'audit log reopened'))
    const third = await publish(serving)
    serving.kill('SIGTERM')
    expect((await serving.finished).code).toBe(0)
    expect(idsIn(`${path}.1`)).toEqual([first.id, second.id])
    expect(idsIn(path)).toEqual([third.id])
    expect(JSON.stringify(serving.log)).not.toContain(first.id)
  })

  it('serves with a full disk, logs that once, and writes again when there is room', async () => {
    const path = `${directory}/audit.jsonl`
    symlinkSync('/dev/full', path)
    const serving = await serve('--audit-to', 'file', '--audit-path', path)
    await publish(serving)
    await publish(serving)
    unlinkSync(path)
    serving.kill('SIGHUP')
    const words = () => serving.log.map(({ msg }) => msg).filter((msg) => /audit log/.test(msg))
    await eventually('it was reopened', () => words().length === 3)
    const third = await publish(serving)
    expect(idsIn(path)).toEqual([undefined, third.id])
    await eventually('the log says so', () => words().length === 4)
    expect(words()).toEqual([
      'audit log opened',
      'cannot write the audit log; records are lost',
      'audit log reopened',
      'audit log writable again; records are missing',
    ])
  })

  it('exits 2 where the file cannot be opened', async () => {
    const { code, stderr } = await runCli(['serve', '--audit-to', 'file', '--audit-path', directory])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error: audit\.path: cannot open ".*": it is a directory/)
  })
})

describe('serve --audit-to log', () => {
  it('writes records to the log', async () => {
    const serving = await serve('--audit-to', 'log', '--audit-hash-requesters', 'false')
    const event = await publish(serving)
    const line = await eventually('a record is logged', () => serving.log.find(({ msg }) => msg === 'audit'))
    expect(line?.audit).toMatchObject({
      action: 'publish',
      outcome: 'stored',
      author: alice.pubkey,
      id: event.id,
      requester: '127.0.0.1',
      store: 'memory:',
    })
  })
})

describe('SIGHUP without an audit file', () => {
  const IGNORED = 'SIGHUP ignored: there is no audit file to reopen'

  it.each([
    ['serve', []],
    ['serve with audit.to: log', ['--audit-to', 'log']],
    ['serve --upstream', ['--upstream', 'ws://127.0.0.1:9']],
  ])('is logged by %s, which goes on serving', async (_, args) => {
    const serving = await serve(...args)
    for (const times of [1, 2]) {
      serving.kill('SIGHUP')
      const lines = () => serving.log.filter(({ msg }) => msg === IGNORED)
      await eventually('the log says so', () => lines().length === times)
      expect(lines().map(({ level }) => level)).toEqual(Array(times).fill(30))
    }
    serving.kill('SIGTERM')
    expect((await serving.finished).code).toBe(0)
  })

  it('is logged by strfry, which goes on answering', async () => {
    const plugin = new Plugin(`exec ${pluginCommand('--store', `lmdb:${directory}/store`)}`)
    const [first, second] = [await newKeyPackage(), await newKeyPackage()]
    await plugin.ask(first)
    plugin.kill('SIGHUP')
    await eventually('the log says so', () => plugin.stderr.includes(IGNORED))
    expect(await plugin.ask(second)).toMatchObject({ id: second.id, action: 'shadowReject' })
    expect(await plugin.end('SIGTERM')).toBe(0)
  })
})

describe('a log that cannot be written', () => {
  it('does not end the process, as when the disk is full or the terminal was closed', async () => {
    const settings = ['--store', `lmdb:${directory}/store`, '--audit-to', 'log']
    const plugin = new Plugin(`exec ${pluginCommand(...settings)} 2>/dev/full`)
    for (const event of [await newKeyPackage(), await newKeyPackage()]) {
      expect(await plugin.ask(event)).toMatchObject({ id: event.id, action: 'shadowReject' })
    }
    expect(await plugin.end()).toBe(0)
  })
})

describe('strfry --audit-to file', () => {
  it('records what the plugin stored, with the pubkey that strfry authenticated', async () => {
    const path = `${directory}/audit.jsonl`
    const settings = ['--store', `lmdb:${directory}/store`, '--audit-to', 'file', '--audit-path', path]
    const plugin = new Plugin(pluginCommand(...settings, '--audit-hash-requesters', 'false'))
    const event = await newKeyPackage()
    await plugin.ask(event, { authed: alice.pubkey })
    expect(await plugin.end()).toBe(0)
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      action: 'publish',
      outcome: 'stored',
      id: event.id,
      requester: alice.pubkey,
      store: `lmdb:${directory}/store`,
    })
  })
})

describe('sweep --audit-to file', () => {
  it('records what expired', async () => {
    const path = `${directory}/audit.jsonl`
    const store = lmdbStore({ path: `${directory}/store` })
    const pkg = packageNamed('one', authorNamed('alice'), { expiresAt: NOW + HOUR })
    await store.put(pkg, LIMITS, NOW)
    await store.close()
    const settings = ['--store', `lmdb:${directory}/store`, '--audit-to', 'file', '--audit-path', path]
    expect((await runCli(['sweep', ...settings])).stdout).toBe('key packages removed: 1\n')
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      action: 'expiry',
      outcome: 'spent',
      id: pkg.id,
      author: pkg.author,
    })
  })
})

describe('import --audit-to file', () => {
  it('records what was stored, known or evicted; a dry run records nothing', async () => {
    const path = `${directory}/audit.jsonl`
    const now = Math.floor(Date.now() / 1000)
    const [older, newer] = await Promise.all(
      [now - 1, now].map(async (createdAt) =>
        keyPackageEvent(alice, await makeKeyPackage(alice, { now }), { createdAt }),
      ),
    )
    const settings = ['--store', `lmdb:${directory}/store`, '--audit-to', 'file', '--audit-path', path]
    const limits = ['--stock-max', '1', '--stock-overflow', 'evict-oldest']
    const lines = (...events: unknown[]) => ({
      input: events.map((event) => `${JSON.stringify(event)}\n`).join(''),
    })
    expect((await runCli(['import', '-', '--dry-run', ...settings], lines(older))).code).toBe(0)
    expect(existsSync(path)).toBe(false)

    for (const event of [older, older, newer]) {
      expect((await runCli(['import', '-', ...settings, ...limits], lines(event))).code).toBe(0)
    }
    const records = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(records.map(({ action, outcome, id, requester }) => [action, outcome, id, requester])).toEqual([
      ['publish', 'stored', older?.id, undefined],
      ['publish', 'duplicate', older?.id, undefined],
      ['eviction', 'spent', older?.id, undefined],
      ['publish', 'stored', newer?.id, undefined],
    ])
  })

  it('records packages that were used elsewhere, and nothing that was refused', async () => {
    const path = `${directory}/audit.jsonl`
    const event = await newKeyPackage()
    const spent = { author: alice.pubkey, names: [event.id], expiresAt: event.created_at + 3600 }
    const forged = { ...(await newKeyPackage()), sig: '0'.repeat(128) }
    const input = [{ event }, { spent }, { event: forged }]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join('')
    const settings = ['--store', `lmdb:${directory}/store`, '--audit-to', 'file', '--audit-path', path]
    expect((await runCli(['import', '-', ...settings], { input })).code).toBe(1)
    expect(idsIn(path)).toEqual([event.id, event.id])
  })
})

describe('serve', () => {
  it('names no key package in its log without an audit log (I4)', async () => {
    const serving = await serve('--log-level', 'debug')
    const event = await publish(serving)
    const client = await Client.greeted(serving.url)
    expect((await client.ask('REQ', 'sub', { kinds: [443], authors: [alice.pubkey] }))[0]).toBe('EVENT')
    client.close()
    serving.kill('SIGTERM')
    await serving.finished
    expect(JSON.stringify(serving.log)).not.toContain(event.id)
    expect(JSON.stringify(serving.log)).not.toContain(event.content.slice(0, 24))
  })
})
