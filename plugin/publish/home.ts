/**
 * Where a package is in the order in which a gateway delivers: gateways that have the same packages each begin
 * with others. Pure, except for the name of a store that has no URL.
 */

import { createHash, randomBytes } from 'node:crypto'
import { normalizeURL } from 'nostr-tools/utils'
import type { SignedEvent } from '../nostr/messages.ts'
import { readUrl } from '../read-url.ts'

/** How many relays of an event's `relays` tag count: a longer list shall not cost more than a usual one. */
const MAX_RELAYS = 20
/** In characters, as written in the tag. A longer address is ignored. */
const MAX_URL_LENGTH = 256
/** In hex digits: 64 bits are enough to order the packages of one author. */
const HASH_LENGTH = 16

/** The bands: where the package's home is, by what its author has signed. */
const HERE = '0'
/** The event has no `relays` tag, or the store is not at one of the relays in it. */
const UNSTATED = '1'
const ELSEWHERE = '2'

/**
 * The `rank` of a package in the store with this URL; lower texts are delivered first. It is the band (0 at home, 1 without a
 * statement, 2 elsewhere), and then 16 digits. At home and without a statement these are the first of `hash(id, storeUrl)`: so
 * stores that know nothing of each other begin with different packages too. Elsewhere they are those of `hash(id, home's URL)`, each
 * digit `d` replaced by `15 - d`: a gateway that has run out of its own share begins with what the home delivers last.
 *
 * Of the relays in the event's first `relays` tag, normalised, the one with the highest `hash(id, URL)` is the home. Every gateway
 * must compute the same, so this is exact: `hash` is SHA-256, in lower-case hex, of the UTF-8 bytes of the id (64 lower-case hex
 * characters) followed by those of the URL (`normalRelayUrl`), with nothing between. Values of the tag count in order, the first 20
 * addresses of at most 256 characters; a value may hold several, joined by commas.
 */
export function rankOf({ id, tags }: Pick<SignedEvent, 'id' | 'tags'>, storeUrl: string): string {
  const here = hash(id, storeUrl)
  const relays = relaysIn(tags)
  if (!relays.includes(storeUrl)) return UNSTATED + here.slice(0, HASH_LENGTH)
  const [home = here] = relays
    .map((url) => hash(id, url))
    .sort()
    .reverse()
  if (home === here) return HERE + here.slice(0, HASH_LENGTH)
  return ELSEWHERE + reversed(home.slice(0, HASH_LENGTH))
}

/** What a store that has no URL is to keep as its URL: that of its gateway, or else a random text. */
export function newStoreUrl(publicUrl: string | undefined): string {
  return (publicUrl && normalRelayUrl(publicUrl)) ?? randomBytes(16).toString('hex')
}

/**
 * A ws:// or wss:// URL as nostr-tools' `normalizeURL` writes it: lower-case host, no default port, no repeated slashes and none at
 * the end of a path, sorted query, no fragment. Undefined if it is no such URL.
 */
export function normalRelayUrl(url: string): string | undefined {
  return /^wss?:\/\//i.test(url) && readUrl(url) !== undefined ? normalizeURL(url) : undefined
}

function relaysIn(tags: SignedEvent['tags']): string[] {
  const [, ...values] = tags.find(([name]) => name === 'relays') ?? []
  // Clients of the NIP-EE drafts join them by commas, which a URL may contain.
  const addresses = values
    .slice(0, MAX_RELAYS)
    .flatMap((value) => value.split(/\s*,\s*(?=wss?:\/\/)/i, MAX_RELAYS))
  const relays = addresses
    .slice(0, MAX_RELAYS)
    .filter(({ length }) => length <= MAX_URL_LENGTH)
    .flatMap((address) => normalRelayUrl(address.trim()) ?? [])
  return [...new Set(relays)]
}

function hash(id: string, url: string): string {
  return createHash('sha256')
    .update(id + url)
    .digest('hex')
}

/** Hex digits that sort the other way round. */
function reversed(digits: string): string {
  return [...digits].map((digit) => (15 - Number.parseInt(digit, 16)).toString(16)).join('')
}
