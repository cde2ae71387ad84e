/** The Redis encoding of a package with its event. */

import { expect, it } from '@jest/globals'
import { decodeRow, encodeRow } from '../../../adapters/storage/redis/row.ts'
import { authorNamed, packageNamed } from '../../contract/index.ts'
import { heapUsed } from '../../support/heap-used.ts'

const alice = authorNamed('alice')

it('keeps no row in memory for an id that is remembered (I9)', () => {
  const rows = 5_000
  const pkg = packageNamed('one', alice)
  const text = encodeRow({ ...pkg, event: pkg.event.padEnd(4_000) })
  const remembered: string[] = []
  const before = heapUsed()
  for (let index = 0; index < rows; index++) {
    // As it comes from a socket: a text of its own.
    const { id, ref } = decodeRow(alice, Buffer.from(text).toString())
    remembered.push(id, ref)
  }
  expect((heapUsed() - before) / rows).toBeLessThan(400)
  expect(new Set(remembered).size).toBe(2)
})
