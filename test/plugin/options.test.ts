/** The default and bounds of every option, the profiles, and the errors for invalid options. */

import { describe, expect, it } from '@jest/globals'
import {
  type OptionsInput,
  optionsSchema,
  resolveOptions,
  withProfileDefaults,
} from '../../plugin/options.ts'
import { leavesOf } from '../../plugin/settings.ts'

describe('the defaults', () => {
  it('serve clients of all generations: the mixed profile', () => {
    expect(resolveOptions({})).toEqual({
      profile: 'mixed',
      kinds: [443, 30443],
      relayLists: [10051, 10002],
      custody: 'gateway',
      requester: 'auth-or-address',
      access: { mode: 'open', ban: [], allow: [] },
      claim: { perAuthor: 1, maxAuthors: 500, redeliverySeconds: 60 },
      quota: {
        perAuthor: { max: 10, windowSeconds: 3600 },
        perAddress: { max: 100, windowSeconds: 3600 },
        perRequester: { max: 500, windowSeconds: 3600 },
        perAddressTotal: { max: 1000, windowSeconds: 3600 },
        strangers: { max: 12, windowSeconds: 43_200 },
        freshPerAddress: { max: 1, windowSeconds: 86_400 },
        slotsPerRequester: { max: 5000, windowSeconds: 3600 },
        slotsPerAddress: { max: 20_000, windowSeconds: 3600 },
        newAuthorsPerAddress: { max: 30, windowSeconds: 3600 },
        publish: { max: 60, windowSeconds: 3600 },
        publishPerAddress: { max: 300, windowSeconds: 3600 },
      },
      stock: {
        max: 10,
        maxAuthors: 0,
        overflow: 'reject',
        keep: 3,
        low: 5,
        ttlSeconds: 7_776_000,
        retireAfterSeconds: 600,
      },
      validation: {
        mls: 'verify',
        tags: 'lenient',
        requireLastResort: false,
        ciphersuites: [1],
        maxBytes: 65_536,
      },
      delivery: { encoding: 'as-published' },
      replenish: { enabled: true, intervalSeconds: 300, rotateAfter: 20 },
      sweepIntervalSeconds: 3600,
    })
  })

  it('of the nip-ee-relay profile are those of NIP-EE-RELAY', () => {
    const mixed = resolveOptions({})
    expect(resolveOptions({ profile: 'nip-ee-relay' })).toEqual({
      ...mixed,
      profile: 'nip-ee-relay',
      kinds: [443],
      relayLists: [10051],
      claim: { ...mixed.claim, redeliverySeconds: 0 },
      quota: {
        ...mixed.quota,
        strangers: { max: 0, windowSeconds: 43_200 },
        freshPerAddress: { max: 0, windowSeconds: 86_400 },
      },
      stock: { ...mixed.stock, keep: 0 },
      validation: { ...mixed.validation, requireLastResort: true },
      delivery: { encoding: 'hex' },
    })
  })

  it('of the marmot profile enforce the Marmot specification', () => {
    const mixed = resolveOptions({})
    expect(resolveOptions({ profile: 'marmot' })).toEqual({
      ...mixed,
      profile: 'marmot',
      relayLists: [10002],
      validation: { ...mixed.validation, tags: 'strict' },
    })
  })

  it('of a profile give way to explicit options', () => {
    const set: OptionsInput = {
      profile: 'nip-ee-relay',
      kinds: [443, 30443],
      claim: { perAuthor: 2 },
      delivery: { encoding: 'base64' },
    }
    expect(resolveOptions(set)).toMatchObject({
      kinds: [443, 30443],
      claim: { perAuthor: 2, redeliverySeconds: 0 },
      delivery: { encoding: 'base64' },
    })
  })

  it('apply where an option is undefined', () => {
    expect(resolveOptions({ profile: 'nip-ee-relay', kinds: undefined } as OptionsInput).kinds).toEqual([443])
  })

  it('are within their bounds, and every option has a description', () => {
    for (const { path, description, allowed } of leavesOf(optionsSchema)) {
      expect([path.join('.'), description.length > 10, allowed.length > 3]).toEqual([
        path.join('.'),
        true,
        true,
      ])
    }
  })
})

describe('an invalid option', () => {
  it.each([
    [{ claim: { perAuthor: 3 } }, 'claim.perAuthor: 3 is not allowed; expected an integer from 1 to 2'],
    [{ claim: { perAuthor: '2' } }, 'claim.perAuthor: "2" is not allowed; expected an integer from 1 to 2'],
    [{ claim: { maxAuthors: 0 } }, 'claim.maxAuthors: 0 is not allowed; expected an integer from 1 to 5000'],
    [
      { quota: { perAuthor: { max: 1.5 } } },
      'quota.perAuthor.max: 1.5 is not allowed; expected an integer from 1 to 10000',
    ],
    [{ custody: 'both' }, 'custody: "both" is not allowed; expected gateway or relay'],
    [{ kinds: [] }, 'kinds: [] is not allowed; expected a list of 443 or 30443'],
    [{ relayLists: [] }, 'relayLists: [] is not allowed; expected a list of 10051 or 10002'],
    [{ kinds: [1] }, 'kinds: [1] is not allowed; expected a list of 443 or 30443'],
    [
      { publicUrl: 'https://x' },
      'publicUrl: "https://x" is not allowed; expected a URL such as wss://relay.example.com',
    ],
    [
      { validation: { requireLastResort: 'yes' } },
      'validation.requireLastResort: "yes" is not allowed; expected true or false',
    ],
    [{ profile: 'other' }, 'profile: "other" is not allowed; expected mixed or nip-ee-relay or marmot'],
    [
      { quota: 7 },
      'quota: 7 is not allowed; expected perAuthor, perAddress, perRequester, perAddressTotal, strangers, freshPerAddress, slotsPerRequester, slotsPerAddress, newAuthorsPerAddress, publish, publishPerAddress',
    ],
    [
      { access: { ban: ['alice'] } },
      'access.ban: ["alice"] is not allowed; expected a list of strings such as npub1... or 203.0.113.0/24',
    ],
    [{ quotas: {} }, /^quotas: unknown setting; expected profile, kinds, relayLists, custody, /],
    [
      { stock: { maximum: 3 } },
      'stock.maximum: unknown setting; expected max, maxAuthors, overflow, keep, low, ttlSeconds, retireAfterSeconds',
    ],
  ])('is named with its path, its value and what is allowed: %j', (input, message) => {
    expect(() => resolveOptions(input as OptionsInput)).toThrow(message)
  })

  it('is reported on a line of its own', () => {
    const wrong = { claim: { perAuthor: 3 }, custody: 'both', unknown: 1 } as unknown as OptionsInput
    expect(() => resolveOptions(wrong)).toThrow(
      /^custody: .*\nclaim\.perAuthor: .*\nunknown: unknown setting/,
    )
  })

  it('is reported where two do not go together: stock.low must exceed stock.keep', () => {
    expect(() => resolveOptions({ stock: { low: 3 } })).toThrow(
      'stock.low: 3 is not allowed; expected a number above stock.keep (3)',
    )
    expect(resolveOptions({ stock: { low: 0, keep: 0 } }).stock.low).toBe(0)
  })

  it('is refused under __proto__ as well', () => {
    for (const text of ['{"__proto__":{"custody":"relay"}}', '{"claim":{"__proto__":{"perAuthor":2}}}']) {
      expect(() => resolveOptions(JSON.parse(text))).toThrow(/__proto__: unknown setting/)
    }
    expect(Object.keys(withProfileDefaults(JSON.parse('{"__proto__":{"custody":"relay"}}')))).toEqual([
      '__proto__',
    ])
    expect(({} as OptionsInput).custody).toBeUndefined()
  })
})
