/** Row 17 where tags are checked strictly: every rule of the Marmot specification for kind 30443, with its own sentence. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { explainForReceivers, receptions } from '../../../plugin/key-package/generations.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import {
  accountProof,
  amethystEvent,
  appData,
  componentList,
  marmotKeyPackage,
  marmotTsEvent,
  mdkEvent,
  pikaEvent,
  whitenoiseTwins,
} from '../../support/generations.ts'
import { alice, answer, bob, rules } from '../../support/key-package-answers.ts'
import { type KeyPackageSettings, NOW, signEvent } from '../../support/key-packages.ts'

const marmot = rules({ profile: 'marmot' })
const DAY = 86_400
const NOTHING = Buffer.alloc(0)

const keyPackage = await marmotKeyPackage(alice)
const good = await mdkEvent(alice, { keyPackage })

type Tags = SignedEvent['tags']

function signed(changes: Partial<Pick<SignedEvent, 'content' | 'tags'>>): SignedEvent {
  const { kind, created_at, tags, content } = { ...good, ...changes }
  return signEvent(alice.secretKey, { kind, created_at, content, tags: tags.map((tag) => [...tag]) })
}

/** The answer where these tags stand in place of those with this name. */
function retagged(name: string, ...tags: string[][]): string {
  const others: Tags = good.tags.filter((tag) => tag[0] !== name)
  return answer(signed({ tags: [...others, ...tags] }), marmot)
}

async function made(settings: KeyPackageSettings): Promise<string> {
  return answer(await mdkEvent(alice, { keyPackage: await marmotKeyPackage(alice, NOW, settings) }), marmot)
}

describe('an event of mdk', () => {
  it('is accepted', () => {
    expect(answer(good, marmot)).toBe('accepted')
  })

  it('is accepted whatever GREASE the capabilities hold, which no tag names', async () => {
    const grease = fc.uniqueArray(fc.constantFrom(0x0a0a, 0x1a1a, 0x7a7a, 0xeaea), { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(grease, grease, async (extensions, proposals) => {
        const capabilities = { extensions: [3, 6, ...extensions], proposals: [8, ...proposals, 10] }
        expect(await made({ capabilities })).toBe('accepted')
      }),
      { numRuns: 30 },
    )
  })
})

describe('what the capabilities hold that is no GREASE (RFC 9420 section 13.5)', () => {
  it.each([0xfafa, 0x0a1a, 0x1111, 0x0b0b])('must be in the tag: %i', async (code) => {
    const capabilities = { extensions: [3, 6, code], proposals: [8, 10] }
    expect(await made({ capabilities })).toMatch(/^invalid: the mls_extensions tag must list /)
  })
})

describe('content', () => {
  it('must be base64 in the standard alphabet, with padding', () => {
    const why = 'invalid: content must be base64 in the standard alphabet, with padding'
    const base64url = Buffer.from(keyPackage.message).toString('base64url')
    expect(base64url).not.toBe(good.content)
    expect(answer(signed({ content: base64url }), marmot)).toBe(why)
    const unpadded = good.content.replaceAll('=', '')
    if (unpadded !== good.content) expect(answer(signed({ content: unpadded }), marmot)).toBe(why)
  })

  it('must be an MLSMessage', () => {
    const content = Buffer.from(keyPackage.bytes).toString('base64')
    expect(answer(signed({ content }), marmot)).toBe(
      'invalid: content must be an MLSMessage that holds the KeyPackage, not the bare KeyPackage',
    )
  })

  it('must have no encoding tag', () => {
    expect(retagged('encoding', ['encoding', 'base64'])).toBe('invalid: there must be no encoding tag')
  })
})

describe.each(['i', 'mls_ciphersuite', 'mls_extensions', 'mls_proposals', 'app_components'])(
  'the %s tag',
  (name) => {
    const [tag = []] = good.tags.filter(([first]) => first === name).map((values) => [...values])

    it('must be there exactly once', () => {
      const why = name === 'mls_ciphersuite' ? 'the tag ["mls_ciphersuite","0x0001"] is required' : undefined
      expect(retagged(name)).toBe(`invalid: ${why ?? `exactly one ${name} tag is required`}`)
      expect(retagged(name, tag, tag)).toBe(`invalid: exactly one ${name} tag is required`)
    })
  },
)

describe('the tags with one value', () => {
  it('must be there exactly once', () => {
    expect(retagged('d')).toMatch('must have exactly one d tag')
    expect(retagged('mls_protocol_version')).toMatch('is required')
    const version = ['mls_protocol_version', '1.0']
    expect(retagged('mls_protocol_version', version, version)).toBe(
      'invalid: exactly one mls_protocol_version tag is required',
    )
  })

  it.each(['d', 'i', 'mls_protocol_version'])('must not have a second value: %s', (name) => {
    const tag = good.tags.find(([first]) => first === name) ?? []
    expect(retagged(name, [...tag, 'more'])).toBe(`invalid: the ${name} tag must have exactly one value`)
  })

  it.each(['marmot-chat-desktop', 'AB'.repeat(32), '0'.repeat(63), '0'.repeat(66)])(
    'cannot be d %s',
    (slot) => {
      expect(retagged('d', ['d', slot])).toBe('invalid: the d tag must be 64 lower-case hex digits')
    },
  )
})

describe.each(['mls_extensions', 'mls_proposals', 'app_components'])('the list %s', (name) => {
  it.each(['0x3', '0x000A', '0X0003', '3', '0x0003,0x0006', 'last_resort', ''])(
    'must not have "%s"',
    (value) => {
      expect(retagged(name, [name, value])).toBe(
        `invalid: the ${name} tag must have values of 0x and four lower-case hex digits, not "${value}"`,
      )
    },
  )

  it('names a wrong value, up to 32 characters of it', () => {
    expect(retagged(name, [name, 'x'.repeat(33)])).toMatch(`not "${'x'.repeat(32)}"`)
  })

  it('must have a value, and none twice', () => {
    expect(retagged(name, [name])).toBe(`invalid: the ${name} tag must have at least one value`)
    expect(retagged(name, [name, '0x0006', '0x0006'])).toBe(
      `invalid: the ${name} tag must not have 0x0006 twice`,
    )
  })
})

describe('mls_ciphersuite', () => {
  it('must be written like the other ids', () => {
    expect(retagged('mls_ciphersuite', ['mls_ciphersuite', '1'])).toBe(
      'invalid: the mls_ciphersuite tag must have values of 0x and four lower-case hex digits, not "1"',
    )
    expect(retagged('mls_ciphersuite', ['mls_ciphersuite', '0x0001', '0x0001'])).toBe(
      'invalid: the mls_ciphersuite tag must not have 0x0001 twice',
    )
  })
})

describe('what the tags say', () => {
  it('must be what the leaf supports: extensions', () => {
    const why = 'invalid: the mls_extensions tag must list what the capabilities of the leaf do: 0x0006'
    expect(retagged('mls_extensions', ['mls_extensions', '0x0006', '0xf2ee'])).toBe(why)
    expect(retagged('mls_extensions', ['mls_extensions', '0x0003'])).toBe(why)
    expect(retagged('mls_extensions', ['mls_extensions', '0x0006'])).toBe('accepted')
  })

  it('must be what the leaf supports: proposals', () => {
    const why =
      'invalid: the mls_proposals tag must list what the capabilities of the leaf do: 0x0008, 0x000a'
    expect(retagged('mls_proposals', ['mls_proposals', '0x0008'])).toBe(why)
    expect(retagged('mls_proposals', ['mls_proposals', '0x0001', '0x000a', '0x0008'])).toBe('accepted')
  })

  it('must be what the leaf supports: nothing, where it supports nothing', async () => {
    expect(await made({ capabilities: { extensions: [6], proposals: [] } })).toBe(
      'invalid: the mls_proposals tag must list what the capabilities of the leaf do: nothing',
    )
  })

  it('must be what the leaf supports: components', async () => {
    expect(retagged('app_components', ['app_components', '0x8001', '0x8009', '0x8fff'])).toBe(
      'invalid: the app_components tag has 0x8fff, which is not among the components of the leaf',
    )
    expect(retagged('app_components', ['app_components', '0x8001'])).toBe(
      'invalid: the app_components tag must have 0x8009',
    )
    const why = 'invalid: the leaf must list the components it supports (component 0x0001)'
    expect(await made({ leafExtensions: () => [] })).toBe(why)
    expect(await made({ leafExtensions: () => [appData([[1, Buffer.of(3, 0)]])] })).toBe(why)
  })
})

describe('the leaf', () => {
  const list = componentList([1, 0x8001, 0x8003, 0x8004, 0x8009])
  const why = "invalid: the leaf must hold the account's proof (component 0x8009, 104 bytes)"

  it("must hold the account's proof", async () => {
    expect(await made({ leafExtensions: () => [appData([[1, list]])] })).toBe(why)
    expect(
      await made({
        leafExtensions: () => [
          appData([
            [1, list],
            [0x8009, NOTHING],
          ]),
        ],
      }),
    ).toBe(why)
    const ofBob = (key: Uint8Array) => [
      appData([
        [1, list],
        [0x8009, accountProof(bob, key, NOW)],
      ]),
    ]
    expect(await made({ leafExtensions: ofBob })).toBe(why)
  })

  it("must have the pubkey's 32 bytes as identity", async () => {
    expect(await made({ identity: Buffer.from(alice.pubkey) })).toBe(
      "invalid: the credential's identity must be the pubkey's 32 bytes",
    )
  })
})

describe('last resort', () => {
  it('must be a component, not an extension', async () => {
    for (const lastResort of [0x000a, 0xf000]) {
      const capabilities = { extensions: [0x0006, lastResort], proposals: [8, 10] }
      const event = await mdkEvent(alice, {
        keyPackage: await marmotKeyPackage(alice, NOW, { lastResort, capabilities }),
      })
      const code = `0x${lastResort.toString(16).padStart(4, '0')}`
      const tags = event.tags.map((tag) =>
        tag[0] === 'mls_extensions' ? ['mls_extensions', '0x0006', code] : [...tag],
      )
      const { kind, created_at, content } = event
      expect(answer(signEvent(alice.secretKey, { kind, created_at, content, tags }), marmot)).toBe(
        `invalid: last resort must be component 0x0004, not extension ${code}`,
      )
    }
  })

  it('must be said', async () => {
    expect(await made({ extensions: [] })).toBe(
      'invalid: the KeyPackage must be a last resort (component 0x0004 in its app_data_dictionary)',
    )
  })
})

describe('the lifetime', () => {
  it('must be at most 84 days and one hour', async () => {
    const notBefore = NOW - 3600
    const most = notBefore + 84 * DAY + 3600
    expect(await made({ lifetime: { notBefore, notAfter: most } })).toBe('accepted')
    expect(await made({ lifetime: { notBefore, notAfter: most + 1 } })).toBe(
      'invalid: the lifetime of the KeyPackage must be at most 84 days and one hour',
    )
  })
})

describe('the rules', () => {
  it('are for kind 30443 alone, and only where tags are checked strictly', async () => {
    const [slot, oneTime] = await whitenoiseTwins(alice)
    expect(answer(await pikaEvent(alice), marmot)).toBe('accepted')
    expect(answer(oneTime, marmot)).toBe('accepted')
    for (const event of [slot, await marmotTsEvent(alice), await amethystEvent(alice)]) {
      expect(answer(event, marmot)).toMatch(/^invalid: /)
      expect(answer(event)).toBe('accepted')
    }
  })
})

describe('receivers of the Marmot specification', () => {
  /** What they have against an event. */
  const faultsOf = (event: SignedEvent) =>
    receptions(explainForReceivers(event, () => true, NOW)).find(({ generation }) => generation === 'marmot')
      ?.reasons
  const faultsWith = (name: string, ...tags: string[][]) =>
    faultsOf(signed({ tags: [...good.tags.filter((tag) => tag[0] !== name), ...tags] }))

  it.each([
    ['another version', 'mls_protocol_version', [['mls_protocol_version', '1']]],
    [
      'another version beside the right one',
      'mls_protocol_version',
      [
        ['mls_protocol_version', '1.0'],
        ['mls_protocol_version', '1'],
      ],
    ],
  ])('refuse %s', (_, name, tags) => {
    expect(faultsWith(name, ...tags)).toContain('the mls_protocol_version tag must be 1.0')
  })

  it.each([
    'mls_protocol_version',
    'app_components',
    'mls_extensions',
    'mls_proposals',
    'mls_ciphersuite',
    'i',
  ])('have one thing to say where the tag %s is missing', (name) => {
    expect(faultsWith(name)).toEqual([`exactly one ${name} tag is required`])
  })

  it('have one thing to say about a value that is no id', () => {
    expect(faultsWith('mls_extensions', ['mls_extensions', '0x0006', 'dictionary'])).toEqual([
      'the mls_extensions tag must have values of 0x and four lower-case hex digits, not "dictionary"',
    ])
  })

  it('look at each of several tags', () => {
    const [d = '', ref = ''] = ['d', 'i'].map((name) => good.tags.find((tag) => tag[0] === name)?.[1])
    expect(faultsWith('d', ['d', d], ['d', 'phone'])).toContain('the d tag must be 64 lower-case hex digits')
    expect(faultsWith('i', ['i', ref], ['i', ref, 'more'])).toContain('the i tag must have exactly one value')
  })

  it('have nothing to add about content that cannot be read', () => {
    expect(faultsOf(signed({ content: '!' }))).toEqual([expect.stringMatching(/^content is not base64: /)])
  })
})
