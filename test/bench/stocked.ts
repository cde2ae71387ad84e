/** Stores with many authors, for benches. Packages have the size of real ones, but no MLS content. */

import { createHash } from 'node:crypto'
import type { KeyPackageRef } from '../../plugin/key-package/decode.ts'
import type { EventId, Pubkey } from '../../plugin/nostr/messages.ts'
import type { KeyPackageStore, StoredKeyPackage } from '../../plugin/store.ts'
import { hex, LIMITS, NOW } from '../contract/index.ts'

/** Bytes of a KeyPackage with an Ed25519 ciphersuite and the extensions that Nostr clients announce. */
const KEY_PACKAGE_BYTES = 420
const PUTS_AT_ONCE = 500

/** A pubkey that looks random, for each number. */
export function author(number: number): Pubkey {
  return hex(`bench author ${number}`)
}

/** A package whose event is as long as a real one, with strings of its own, as if it had been received. */
export function realisticPackage(name: string, author: Pubkey, createdAt: number): StoredKeyPackage {
  const id = digest(`event ${name}`)
  const ref = digest(`ref ${name}`)
  const event = {
    id,
    pubkey: author,
    created_at: createdAt,
    kind: 443,
    tags: [
      ['mls_protocol_version', '1.0'],
      ['mls_ciphersuite', '0x0001'],
      ['mls_extensions', '0xf2ee', '0x000a'],
      ['relays', 'wss://relay.example.com', 'wss://relay.example.org'],
      ['i', ref],
      ['-'],
      ['encoding', 'base64'],
    ],
    content: Buffer.alloc(KEY_PACKAGE_BYTES, name).toString('base64'),
    sig: digest(`sig ${name} r`) + digest(`sig ${name} s`),
  }
  const pkg = packageOf(id, ref, author, createdAt, JSON.stringify(event))
  return JSON.parse(JSON.stringify(pkg))
}

/** A package with almost no event, for stores in which only the number of packages matters. */
export function smallPackage(name: string, author: Pubkey, createdAt: number): StoredKeyPackage {
  const [id, ref] = [digest(`event ${name}`), digest(`ref ${name}`)]
  return packageOf(id, ref, author, createdAt, JSON.stringify({ id, pubkey: author }))
}

/** Like `hex`, which would remember every name, and be weighed with the store. */
function digest(name: string): string {
  return createHash('sha256').update(name).digest('hex')
}

function packageOf(
  id: EventId,
  ref: KeyPackageRef,
  author: Pubkey,
  createdAt: number,
  event: string,
): StoredKeyPackage {
  const tags = [['i', ref] as const]
  const expiresAt = NOW + 90 * 86_400
  return {
    id,
    ref,
    author,
    kind: 443,
    createdAt,
    expiresAt,
    lastResort: false,
    tags,
    event,
    contentForm: 'base64',
  }
}

/** Stores `perAuthor` packages for each author with a number in the range. */
export async function fill(
  store: KeyPackageStore,
  authors: { readonly from: number; readonly to: number },
  perAuthor: number,
  make = realisticPackage,
): Promise<void> {
  let puts: Promise<unknown>[] = []
  for (let number = authors.from; number < authors.to; number++) {
    const pubkey = author(number)
    for (let index = 0; index < perAuthor; index++) {
      puts.push(store.put(make(`${number}/${index}`, pubkey, NOW - perAuthor + index), LIMITS, NOW))
    }
    if (puts.length < PUTS_AT_ONCE) continue
    await Promise.all(puts)
    puts = []
  }
  await Promise.all(puts)
}
