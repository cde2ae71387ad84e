/** The made-up week of `demo --keep` leaves stocks in every state, and an hour that charts can show. */

import { beforeAll, describe, expect, it } from '@jest/globals'
import { loadCiphersuite } from '../../../adapters/cli/demo/mls.ts'
import { createResidents } from '../../../adapters/cli/demo/residents.ts'
import { liveAWeek } from '../../../adapters/cli/demo/week.ts'
import type { Sample } from '../../../adapters/http/history.ts'
import { createVerifier } from '../../../adapters/node/verify-event.ts'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { OwnPackage } from '../../../plugin/lifecycle/own-stock.ts'
import { NOW } from '../../support/key-packages.ts'
import { seededFractions } from '../../support/random.ts'

const DAY = 86_400
const residents = createResidents()
const store = memoryStore()

let samples: readonly Sample[]
let gateway: KeyPackageGateway
const stockOf = new Map<string, readonly OwnPackage[]>()

beforeAll(async () => {
  samples = await liveAWeek({
    store,
    verifyEvent: await createVerifier(),
    residents,
    suite: await loadCiphersuite(),
    random: seededFractions(7),
    until: NOW,
    version: '0.0.0',
  })
  gateway = new KeyPackageGateway({ store, clock: () => NOW * 1000 })
  for (const { name, pubkey } of residents) stockOf.set(name, await gateway.ownPackages(pubkey))
})

const packagesOf = (name: string) => stockOf.get(name) ?? []
const freshOf = (name: string) => packagesOf(name).filter(({ state }) => state === 'fresh')

describe('after the week', () => {
  it('Alice has fresh packages, and two slots', () => {
    expect(freshOf('Alice').length).toBeGreaterThanOrEqual(3)
    expect(packagesOf('Alice').filter(({ state }) => state === 'reusable').length).toBe(2)
  })

  it('Bob has one left, which is shared (I2)', () => {
    expect(packagesOf('Bob').map(({ state }) => state)).toEqual(['exposed'])
  })

  it("Carol's packages expire within a day", () => {
    expect(packagesOf('Carol').length).toBeGreaterThan(0)
    expect(packagesOf('Carol').every(({ expiresAt }) => expiresAt < NOW + DAY)).toBe(true)
  })

  it('Dave has none left, and Erin slots alone', () => {
    expect(packagesOf('Dave')).toEqual([])
    expect(packagesOf('Erin').map(({ state }) => state)).toEqual(['reusable'])
  })

  it('some run low, one is out, and others have enough', async () => {
    const survey = await gateway.surveyStock()
    expect(survey.out).toBe(1)
    expect(survey.low).toBeGreaterThanOrEqual(3)
    expect(survey.low).toBeLessThan(survey.authors)
  })
})

describe('the last hour', () => {
  it('has a sample every ten seconds', () => {
    expect(samples.length).toBe(360)
    expect(samples.map(({ at }) => at)).toEqual(samples.map((_, index) => NOW - 3590 + index * 10))
  })

  it('has claims of every kind, publishes, refusals, times and connections', () => {
    const occurred = (of: 'claims' | 'publishes' | 'refusals') => [
      ...new Set(samples.flatMap((sample) => Object.keys(sample[of]).filter((key) => sample[of][key] !== 0))),
    ]
    expect(occurred('claims')).toEqual(
      expect.arrayContaining(['delivered', 'shared', 'slots', 'none', 'limited']),
    )
    expect(occurred('publishes')).toEqual(expect.arrayContaining(['stored', 'replaced', 'refused']))
    expect(occurred('refusals')).toEqual(expect.arrayContaining(['restricted', 'rate-limited', 'invalid']))
    expect(samples.some(({ storeMs }) => storeMs.p99 !== null)).toBe(true)
    expect(new Set(samples.map(({ connections }) => connections)).size).toBeGreaterThan(5)
    expect(samples.at(-1)?.lowAuthors).toBeGreaterThan(0)
  })
})

it('has people with the same keys every time', () => {
  expect(createResidents().map(({ pubkey }) => pubkey)).toEqual(residents.map(({ pubkey }) => pubkey))
})
