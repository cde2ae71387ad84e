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
  it('are those of the nip-ee-relay profile', () => {
    expect(resolveOptions({})).toEqual({
      profile: 'nip-ee-relay',
      kinds: [443],
      relayLists: [10051, 10002],
      custody: 'gateway',
      requester: 'auth-or-address',
      claim: { perAuthor: 1, maxAuthors: 500, redeliverySeconds: 0 },
      quota: {
        perAuthor: { max: 10, windowSeconds: 3600 },
        perAddress: { max: 100, windowSeconds: 3600 },
        perRequester: { max: 500, windowSeconds: 3600 },
        publish: { max: 60, windowSeconds: 3600 },
        publishPerAddress: { max: 300, windowSeconds: 3600 },
      },
      stock: { max: 10, overflow: 'reject', low: 3, ttlSeconds: 7_776_000, retireAfterSeconds: 600 },
      validation: { mls: 'verify', requireLastResort: true, ciphersuites: [1], maxBytes: 65_536 },
      delivery: { encoding: 'hex' },
      replenish: { enabled: true, intervalSeconds: 300 },
      sweepIntervalSeconds: 3600,
    })
  })

  it('of the marmot profile differ in three options, and explicit options win over them', () => {
    expect(resolveOptions({ profile: 'marmot' })).toEqual({
      ...resolveOptions({}),
      profile: 'marmot',
      kinds: [443, 30443],
      claim: { perAuthor: 1, maxAuthors: 500, redeliverySeconds: 60 },
      delivery: { encoding: 'as-published' },
    })
    const set: OptionsInput = {
      profile: 'marmot',
      kinds: [443],
      claim: { perAuthor: 2 },
      delivery: { encoding: 'hex' },
    }
    expect(resolveOptions(set)).toMatchObject({
      kinds: [443],
      claim: { perAuthor: 2, redeliverySeconds: 60 },
      delivery: { encoding: 'hex' },
    })
  })

  it('apply where an option is undefined', () => {
    expect(resolveOptions({ profile: 'marmot', kinds: undefined } as OptionsInput).kinds).toEqual([
      443, 30443,
    ])
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
    [{ kinds: [1] }, 'kinds: [1] is not allowed; expected a list of 443 or 30443'],
    [
      { publicUrl: 'https://x' },
      'publicUrl: "https://x" is not allowed; expected a URL such as wss://relay.example.com',
    ],
    [
      { validation: { requireLastResort: 'yes' } },
      'validation.requireLastResort: "yes" is not allowed; expected true or false',
    ],
    [{ profile: 'other' }, 'profile: "other" is not allowed; expected nip-ee-relay or marmot'],
    [
      { quota: 7 },
      'quota: 7 is not allowed; expected perAuthor, perAddress, perRequester, publish, publishPerAddress',
    ],
    [{ quotas: {} }, /^quotas: unknown setting; expected profile, kinds, custody, /],
    [
      { stock: { maximum: 3 } },
      'stock.maximum: unknown setting; expected max, overflow, low, ttlSeconds, retireAfterSeconds',
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
