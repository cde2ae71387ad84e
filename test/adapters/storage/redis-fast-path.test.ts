/** Which claims Redis answers in one call of a script, and which are decided in Node: under the default policy as well. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { Redis } from 'ioredis'
import { redisStore } from '../../../adapters/storage/redis.ts'
import { resolveOptions } from '../../../plugin/options.ts'
import { policyOf } from '../../../plugin/request/plan.ts'
import type { Claim, ClaimOutcome, ClaimPolicy, MovableStore } from '../../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  DAY,
  hex,
  LIMITS,
  NOW,
  POLICY,
  packageNamed,
  slotNamed,
} from '../../contract/index.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'

const DEFAULTS = policyOf(resolveOptions({}))
const STRANGER = { standing: 'stranger' } as const
const ONE_CALL = 1
/** One that finds that Node must decide, and the commit. */
const TWO_CALLS = 2

const alice = authorNamed('alice')

let server: RedisServer
let client: Redis
let store: MovableStore

beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.url)
})
afterAll(async () => {
  client?.disconnect()
  await server?.stop()
})

afterEach(() => store.close())

/** A new store that has claimed under the policy, and ten packages of alice in it. */
async function open(policy: ClaimPolicy): Promise<void> {
  await client.flushall()
  store = await redisStore({ redis: server.url })
  await store.claim([claimBy('anybody', authorNamed('nobody'))], policy, NOW)
  for (let number = 0; number < 10; number++)
    await store.put(packageNamed(`alice ${number}`, alice), LIMITS, NOW)
}

interface Claimed {
  readonly calls: number
  readonly outcome: ClaimOutcome | undefined
}

async function claim(
  requester: string,
  overrides: Partial<Claim> = {},
  policy = DEFAULTS,
  now = NOW,
): Promise<Claimed> {
  await client.config('RESETSTAT')
  const [outcome] = await store.claim([claimBy(requester, alice, overrides)], policy, now)
  const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1]
  return { calls: Number(calls), outcome }
}

function fresh(remaining: number) {
  return { outcome: 'delivered', sharedUsed: false, freshTaken: 1, remaining }
}

describe('on defaults', () => {
  beforeEach(() => open(DEFAULTS))

  it.each([
    ['who is a stranger', STRANGER],
    ['whom nobody has looked up', {}],
    ['in an IPv6 network', { network: '2001:db8:0::/48' }],
  ])('a requester %s takes a fresh package in one call', async (_who, overrides) => {
    expect(await claim('bob', overrides)).toMatchObject({ calls: ONE_CALL, outcome: fresh(9) })
  })

  it('so do strangers at other addresses, as long as their share lasts', async () => {
    for (let number = 0; number < 6; number++)
      expect(await claim(`stranger ${number}`, STRANGER)).toMatchObject({
        calls: ONE_CALL,
        outcome: fresh(9 - number),
      })
    expect(await claim('stranger 6', STRANGER)).toMatchObject({
      calls: TWO_CALLS,
      outcome: { sharedUsed: true },
    })
  })

  it.each([
    ['at the same address', { ...STRANGER, address: 'home' }],
    ['in a network with a neighbour who took some', { ...STRANGER, network: '2001:db8:0::/48' }],
    ['whom the author knows', { standing: { knownAs: hex('dave') } }],
    ['for two packages, where an address has a share of one', { ...STRANGER, maximum: 2 }],
  ])('a claim %s is decided in Node', async (_which, overrides) => {
    await claim('bob', { ...STRANGER, address: 'home', network: '2001:db8:0::/48' })
    expect(await claim('dave', overrides)).toMatchObject({ calls: TWO_CALLS })
  })

  it('a flood gets the shared package in one call, and is looked up in one', async () => {
    for (let number = 0; number < 7; number++) await claim(`stranger ${number}`, STRANGER)
    const shared = { outcome: 'delivered', sharedUsed: true, freshTaken: 0, remaining: 3 }
    for (let number = 7; number < 12; number++) {
      const name = `stranger ${number}`
      expect(await claim(name)).toEqual({ calls: ONE_CALL, outcome: { outcome: 'needs-known' } })
      expect(await claim(name, STRANGER)).toMatchObject({ calls: ONE_CALL, outcome: shared })
    }
  })

  it('what strangers took is counted once its window is over, too', async () => {
    for (let number = 0; number < 7; number++) await claim(`stranger ${number}`, STRANGER)
    const later = await claim('late', STRANGER, DEFAULTS, NOW + DAY / 2)
    expect(later).toMatchObject({ calls: TWO_CALLS, outcome: { freshTaken: 1, sharedUsed: false } })
  })

  it('a claim under another policy is decided in Node, and the next one is not', async () => {
    const other = { ...DEFAULTS, keep: 9 }
    expect(await claim('bob', {}, other)).toMatchObject({ calls: TWO_CALLS })
    expect(await claim('carol', {}, other)).toMatchObject({ calls: ONE_CALL })
    expect(await claim('dave', {}, DEFAULTS)).toMatchObject({ calls: TWO_CALLS })
  })
})

describe('with strangers off', () => {
  beforeEach(() => open(POLICY))

  it('everybody takes fresh packages in one call, the last one but one', async () => {
    for (let left = 9; left > 0; left--)
      expect(await claim('bob', {}, POLICY)).toMatchObject({ calls: ONE_CALL, outcome: fresh(left) })
    expect(await claim('bob', {}, POLICY)).toMatchObject({ calls: TWO_CALLS, outcome: { sharedUsed: true } })
    expect(await claim('bob', {}, POLICY)).toMatchObject({ calls: ONE_CALL, outcome: { sharedUsed: true } })
  })

  it('slots are delivered in one call', async () => {
    await store.put(slotNamed('slot', alice, 'phone'), LIMITS, NOW)
    expect(await claim('bob', {}, POLICY)).toMatchObject({ calls: ONE_CALL, outcome: { freshTaken: 0 } })
  })

  it('slots that the requester has seen are in one call too, and only those where a quota is used up', async () => {
    const [phone, laptop] = [slotNamed('one', alice, 'phone'), slotNamed('two', alice, 'laptop')]
    for (const slot of [phone, laptop]) await store.put(slot, LIMITS, NOW)
    const limited = { outcome: 'limited', by: 'slotsPerRequester', retryAfterSeconds: 60 } as const
    const forSlots = { narrowings: [{ kinds: [30443] }], maxSlots: 2, seen: [phone.id, laptop.id] }
    const uncounted = { outcome: 'delivered', counted: false }
    for (const overrides of [forSlots, { ...forSlots, limited }])
      expect(await claim('bob', overrides, POLICY)).toMatchObject({ calls: ONE_CALL, outcome: uncounted })
    const part = { ...forSlots, seen: [phone.id] }
    expect(await claim('bob', part, POLICY)).toMatchObject({
      calls: ONE_CALL,
      outcome: { outcome: 'delivered', counted: true },
    })
    expect(await claim('bob', { ...part, limited }, POLICY)).toEqual({ calls: ONE_CALL, outcome: limited })
  })
})
