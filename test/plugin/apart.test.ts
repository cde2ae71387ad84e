/** I9: what remembers an id for long does not keep the text in memory that a store has read it from. */

import { expect, it } from '@jest/globals'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { SlotWear } from '../../plugin/lifecycle/slot-wear.ts'
import { resolveOptions } from '../../plugin/options.ts'
import { ReleasedClaims } from '../../plugin/request/released-claims.ts'
import { SeenSlots } from '../../plugin/request/seen-slots.ts'
import { hex, NOW } from '../contract/index.ts'
import { heapUsed } from '../support/heap-used.ts'
import { testLog } from '../support/log.ts'

const IDS = 5_000
/** As long as a record of a store, or longer. */
const RECORD = 4_000

const seen = new SeenSlots()
const released = new ReleasedClaims()
const wear = new SlotWear({
  options: resolveOptions({}),
  store: memoryStore(),
  log: testLog(),
  now: () => NOW,
})

it.each([
  ['slots that somebody has seen', (id: string, author: string) => seen.add('requester', author, [id])],
  [
    'claims that were released',
    (id: string, author: string) => released.note('requester', [{ id, author, kind: 443 }], NOW),
  ],
  [
    'addresses that have claimed a slot',
    (id: string, author: string) => wear.note(author, [id], '192.0.2.1'),
  ],
])('%s', (_what, remember) => {
  const before = heapUsed()
  for (let index = 0; index < IDS; index++) {
    const author = hex(`author ${index}`)
    // As it comes from a database: a text of its own, of which the id is a part.
    const record = Buffer.from(`${author} ${author}`.padEnd(RECORD)).toString()
    remember(record.slice(0, author.length), author)
  }
  expect((heapUsed() - before) / IDS).toBeLessThan(RECORD / 4)
})
