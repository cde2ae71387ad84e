/** The rank of a package: which of an author's relays is its home, computed alike by every gateway. */

import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { newStoreUrl, normalRelayUrl, rankOf } from '../../../plugin/publish/home.ts'
import { hex } from '../../contract/index.ts'

const URLS = ['wss://a.example/', 'wss://b.example/', 'wss://c.example/keys']
const [A = '', B = '', C = ''] = URLS

describe('the rank of a package', () => {
  it('is the band and 16 digits of a hash, those of others in reverse order (section 7)', () => {
    // printf '%s' "$id$url" | sha256sum
    const id = '5d1f6bd6b6a2d8b1e7d1b8c6a3d0e8a5c2f4b6e8d0a1c3e5f7092b4d6f8a0c2e'
    const hashes = URLS.map((url) => sha256(id + url))
    const highest = [...hashes].sort().at(-1) ?? ''
    const event = { id, tags: [['relays', ...URLS]] }
    const elsewhere = (0xffffffffffffffffn - BigInt(`0x${highest.slice(0, 16)}`)).toString(16)
    for (const [index, url] of URLS.entries()) {
      const isHome = hashes[index] === highest
      const digits = isHome ? highest.slice(0, 16) : elsewhere.padStart(16, '0')
      expect(rankOf(event, url)).toBe(`${isHome ? 0 : 2}${digits}`)
    }
    expect(rankOf(event, 'wss://d.example/')).toBe(`1${sha256(`${id}wss://d.example/`).slice(0, 16)}`)
  })

  it('gives each package exactly one home among the relays of its tag, and each relay its share', () => {
    const homes = Array.from({ length: 300 }, (_, index) => {
      const event = { id: hex(`${index}`), tags: [['relays', ...URLS]] }
      const home = URLS.filter((url) => rankOf(event, url).startsWith('0'))
      expect(home).toHaveLength(1)
      return home[0]
    })
    for (const url of URLS) expect(homes.filter((home) => home === url).length).toBeGreaterThan(70)
  })

  it('makes the other relays of the tag begin with what the home delivers last', () => {
    const events = Array.from({ length: 100 }, (_, index) => ({
      id: hex(`${index}`),
      tags: [['relays', A, B]],
    }))
    const atHome = events.filter((event) => rankOf(event, A).startsWith('0'))
    const byRank = (url: string) =>
      atHome.toSorted((a, b) => (rankOf(a, url) < rankOf(b, url) ? -1 : 1)).map(({ id }) => id)
    expect(atHome.length).toBeGreaterThan(30)
    expect(byRank(B)).toEqual(byRank(A).reverse())
  })

  it('does not depend on the order or the spelling of the addresses', () => {
    const spellings = [
      ['relays', A, B, C],
      ['relays', C, B, A],
      ['relays', 'WSS://A.example:443', 'wss://b.example/#x', 'wss://c.example//keys/'],
      ['relays', A, A, B, C, B],
      ['relays', `${A},${B}, ${C}`],
      ['relays', 'https://c.example/keys', 'c.example', 'nonsense', '', A, B, C],
    ]
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...URLS), (name, url) => {
        const ranks = spellings.map((tag) => rankOf({ id: hex(name), tags: [['client', 'x'], tag] }, url))
        expect(new Set(ranks).size).toBe(1)
        expect(ranks[0]).toMatch(/^[02][0-9a-f]{16}$/)
      }),
    )
  })

  it.each([
    ['without the tag', []],
    ['with an empty one', [['relays']]],
    ['with others alone', [['relays', B, C]]],
    [
      'with it in a second tag',
      [
        ['relays', B],
        ['relays', A],
      ],
    ],
    [
      'with it in the 21st place',
      [['relays', ...Array.from({ length: 20 }, (_, n) => `wss://${n}.example`), A]],
    ],
    ['with it in the 21st place of one value', [['relays', [...Array(20).fill(B), A].join(',')]]],
  ])('says nothing of homes %s', (_, tags) => {
    expect(rankOf({ id: hex('one'), tags }, A)).toMatch(/^1/)
  })

  it('leaves out addresses of more than 256 characters', () => {
    const long = `wss://a.example/${'x'.repeat(241)}`
    expect(long).toHaveLength(257)
    expect(rankOf({ id: hex('one'), tags: [['relays', long]] }, long)).toMatch(/^1/)
    expect(rankOf({ id: hex('one'), tags: [['relays', long.slice(0, -1)]] }, long.slice(0, -1))).toMatch(/^0/)
  })

  it('never fails, whatever the tag says', () => {
    const values = fc.array(
      fc.oneof(fc.string(), fc.webUrl(), fc.constantFrom('ws://', 'wss://[', 'wss://%', ...URLS)),
    )
    fc.assert(
      fc.property(values, (tag) => {
        expect(rankOf({ id: hex('one'), tags: [['relays', ...tag]] }, A)).toMatch(/^[012][0-9a-f]{16}$/)
      }),
    )
  })
})

describe("a store's URL", () => {
  it("is the gateway's own, normalised", () => {
    expect(newStoreUrl('wss://Keys.Example:443')).toBe('wss://keys.example/')
    expect(newStoreUrl('wss://keys.example/mls/')).toBe('wss://keys.example/mls')
  })

  it("is else 16 random bytes, which are nobody else's and no URL", () => {
    const [one, other] = [newStoreUrl(undefined), newStoreUrl(undefined)]
    expect(one).toMatch(/^[0-9a-f]{32}$/)
    expect(one).not.toBe(other)
    expect(normalRelayUrl(one)).toBeUndefined()
  })
})

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}
