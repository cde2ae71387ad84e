/** Looking up who is known to many authors at once. */

import { expect, it } from '@jest/globals'
import type { StoreChanges } from '../../support/gateway.ts'
import { keyPackagesBy, startGateway, stock } from '../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'

const ADDRESS = '203.0.113.7'
const AUTHORS = Array.from({ length: 25 }, (_, index) => person(`author ${index}`))

/** Counts the look-ups of each turn of the event loop. */
function countingLookUps() {
  const turns: number[] = []
  let isSameTurn = false
  const changes: StoreChanges = (store) => ({
    follows: (...call) => {
      if (!isSameTurn) {
        turns.push(0)
        setImmediate(() => {
          isSameTurn = false
        })
      }
      isSameTurn = true
      turns.push((turns.pop() ?? 0) + 1)
      return store.follows(...call)
    },
  })
  return { turns, changes }
}

it('leaves other clients their turns', async () => {
  const { turns, changes } = countingLookUps()
  const test = startGateway({ quota: { freshPerAddress: { max: 1 } } }, changes)
  for (const author of AUTHORS) {
    const publisher = test.connect()
    for (const age of [300, 200, 100]) {
      const event = keyPackageEvent(author, await makeKeyPackage(author), { createdAt: test.now - age })
      expect(await publisher.ask('EVENT', event)).toEqual([['OK', event.id, true, '']])
    }
  }
  const query = { kinds: [443], authors: AUTHORS.map(({ pubkey }) => pubkey) }
  await test.connect({ address: ADDRESS }).ask('REQ', 'as strangers', query)
  const requester = test.connect({ address: ADDRESS })
  await requester.authenticate(person('bob'))
  await requester.ask('REQ', 'known?', query)
  expect(turns.reduce((sum, count) => sum + count, 0)).toBe(AUTHORS.length)
  expect(Math.max(...turns)).toBeLessThanOrEqual(10)
})

it('loses nothing that was delivered when the store fails after the look-up (I7)', async () => {
  let isFailing = false
  const test = startGateway({ quota: { freshPerAddress: { max: 1 } } }, (store) => ({
    claim: (claims, ...rest) =>
      isFailing && claims.some(({ standing }) => standing !== undefined)
        ? Promise.reject(new Error('gone'))
        : store.claim(claims, ...rest),
  }))
  const [several, single] = [person('several packages'), person('a single package')]
  await stock(test, several, 3)
  const [last] = await stock(test, single, 1)
  await test.connect({ address: ADDRESS }).ask('REQ', 'as a stranger', keyPackagesBy(several))
  const requester = test.connect({ address: ADDRESS })
  await requester.authenticate(person('bob'))
  isFailing = true
  expect(await requester.ask('REQ', 'both', keyPackagesBy(several), keyPackagesBy(single))).toEqual([
    ['EVENT', 'both', last],
    ['NOTICE', 'error: key packages are unavailable, try again'],
    ['EOSE', 'both'],
  ])
  expect(await requester.ask('REQ', 'one', keyPackagesBy(several))).toEqual([
    ['CLOSED', 'one', 'error: key packages are unavailable, try again'],
  ])
})
