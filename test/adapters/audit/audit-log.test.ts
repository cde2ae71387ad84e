/** The audit log: where records are written, how requesters are hashed, rotation, and a full disk. */

import { mkdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import {
  type AuditLog,
  type AuditOptions,
  auditOptionsSchema,
  openAuditLog,
} from '../../../adapters/audit/audit-log.ts'
import type { AuditRecord } from '../../../plugin/audit.ts'
import { authorNamed, packageNamed } from '../../contract/index.ts'
import { testLog } from '../../support/log.ts'
import { run } from '../../support/processes.ts'
import { scratch } from '../../support/scratch.ts'

const directory = scratch()

const DAY = 86_400
/** The first second of a day (UTC). */
const MORNING = 1_700_006_400
const alice = authorNamed('alice')
const bob = authorNamed('bob')
const { id, ref } = packageNamed('one', alice)
const claim: AuditRecord = {
  at: MORNING,
  action: 'claim',
  outcome: 'delivered',
  author: alice,
  id,
  ref,
  kind: 443,
  requester: bob,
  remaining: 3,
}

function open(options: Partial<AuditOptions>, log = testLog()): AuditLog {
  const audit = openAuditLog({ options: auditOptionsSchema.parse(options), store: 'lmdb:./data', log })
  if (audit === undefined) throw new Error('there is no audit log')
  return audit
}

function linesOf(path: string): Record<string, unknown>[] {
  const text = readFileSync(path, 'utf8')
  expect(text.endsWith('\n')).toBe(true)
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('audit.to', () => {
  it('off: nothing is recorded', () => {
    const options = auditOptionsSchema.parse({})
    expect(openAuditLog({ options, store: 'memory:', log: testLog() })).toBeUndefined()
  })

  it('log: each record is a line in the ordinary log', () => {
    const log = testLog()
    open({ to: 'log', hashRequesters: false }, log).write(claim)
    const { at: _, ...record } = claim
    const audit = { time: '2023-11-15T00:00:00.000Z', ...record, store: 'lmdb:./data' }
    expect(log.lines).toEqual([{ level: 'info', fields: { audit }, message: 'audit' }])
  })

  it('file: each record is a line of JSON with its time and the store, in a file that only its owner can read', () => {
    const path = `${directory}/below/audit.jsonl`
    const audit = open({ to: 'file', path, hashRequesters: false })
    audit.write(claim)
    audit.write({ at: MORNING + 1, action: 'expiry', outcome: 'spent', author: alice, id, ref, kind: 443 })
    const { at: _, ...record } = claim
    expect(linesOf(path)).toEqual([
      { time: '2023-11-15T00:00:00.000Z', ...record, store: 'lmdb:./data' },
      {
        time: '2023-11-15T00:00:01.000Z',
        action: 'expiry',
        outcome: 'spent',
        author: alice,
        id,
        ref,
        kind: 443,
        store: 'lmdb:./data',
      },
    ])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    audit.close()
  })

  it('file: lines are appended to an existing file', () => {
    const path = `${directory}/again.jsonl`
    for (const remaining of [2, 1]) {
      const audit = open({ to: 'file', path })
      audit.write({ ...claim, remaining })
      audit.close()
    }
    expect(linesOf(path).map(({ remaining }) => remaining)).toEqual([2, 1])
  })
})

describe('audit.hashRequesters', () => {
  it('hides who asked, and hashes the same requester differently each day', () => {
    const path = `${directory}/hashed.jsonl`
    const audit = open({ to: 'file', path })
    for (const at of [MORNING, MORNING + DAY - 1, MORNING + DAY]) audit.write({ ...claim, at })
    const names = linesOf(path).map(({ requester }) => requester)
    expect(readFileSync(path, 'utf8')).not.toContain(bob)
    expect(names[1]).toBe(names[0])
    expect(names[2]).not.toBe(names[0])
    audit.close()
  })

  it('hashes a requester differently when they publish and when they ask', () => {
    const path = `${directory}/publisher.jsonl`
    const audit = open({ to: 'file', path })
    audit.write({ ...claim, action: 'publish', author: bob, requester: bob })
    audit.write({ ...claim, action: 'refusal', verb: 'EVENT', author: bob, requester: bob })
    audit.write(claim)
    audit.write({ at: MORNING, action: 'refusal', verb: 'REQ', outcome: 'restricted: ...', requester: bob })
    const [published, refused, asked, refusedToo] = linesOf(path).map(({ requester }) => requester)
    expect(refused).toBe(published)
    expect(asked).not.toBe(published)
    expect(refusedToo).toBe(asked)
    audit.close()
  })
})

describe('log rotation', () => {
  it('writes to the moved file until the path is reopened, and loses nothing', () => {
    const path = `${directory}/rotated.jsonl`
    const log = testLog()
    const audit = open({ to: 'file', path }, log)
    audit.write({ ...claim, remaining: 3 })
    renameSync(path, `${path}.1`)
    audit.write({ ...claim, remaining: 2 })
    audit.reopen()
    audit.write({ ...claim, remaining: 1 })
    expect(linesOf(`${path}.1`).map(({ remaining }) => remaining)).toEqual([3, 2])
    expect(linesOf(path).map(({ remaining }) => remaining)).toEqual([1])
    expect(log.lines.map(({ message }) => message)).toEqual(['audit log reopened'])
    audit.close()
  })

  it('keeps writing to the moved file if the path cannot be opened, and logs that', () => {
    const path = `${directory}/blocked.jsonl`
    const log = testLog()
    const audit = open({ to: 'file', path }, log)
    renameSync(path, `${path}.1`)
    mkdirSync(path)
    audit.reopen()
    audit.write(claim)
    expect(linesOf(`${path}.1`)).toHaveLength(1)
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
      ['error', 'cannot reopen the audit log; still writing to the old file'],
    ])
    audit.close()
  })
})

describe('a full disk', () => {
  it('stops nothing: it is logged once, and the file says how many records are missing', async () => {
    const path = `${directory}/full.jsonl`
    const script = fileURLToPath(new URL('../../support/audit-full.mjs', import.meta.url))
    // A limit of four blocks of 512 bytes acts like a full disk; the last line does not fit.
    const limited = ['-c', 'ulimit -f 4; exec "$0" "$@"', process.execPath, script, path]
    const full = 'cannot write the audit log; records are lost'
    const written = 'audit log writable again; records are missing'
    expect(JSON.parse(await run('sh', limited))).toEqual([
      full,
      written,
      full,
      'audit log reopened',
      written,
      full,
    ])

    const lines = readFileSync(`${path}.1`, 'utf8').split('\n')
    const [first = '', torn = '', gap = '', ...more] = lines.slice(0, -1).map((line) => line.slice(0, 12))
    expect([first, torn, more[0]]).toEqual(['{"number":0,', '{"number":1,', '{"number":0,'])
    expect(gap).toMatch(/^\{"missed":\d\}$/)
    expect(lines.at(-1)).not.toBe('')
    expect(linesOf(path)).toEqual([{ missed: 12 - more.length }, { number: 'last' }])
  })
})
