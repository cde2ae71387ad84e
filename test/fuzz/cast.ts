/** Who takes part in the inputs, what is in the stock, and the words by which inputs name both, so that they are short. */

import { initNostrWasm } from 'nostr-wasm'
import { checkKeyPackage } from '../../plugin/key-package/validate.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { resolveOptions } from '../../plugin/options.ts'
import { rankOf } from '../../plugin/publish/home.ts'
import type { KeyPackageStore, StoredKeyPackage } from '../../plugin/store.ts'
import { STORE_URL } from '../support/delivery-order.ts'
import { mdkEvent } from '../support/generations.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../support/key-packages.ts'
import { type Person, person } from '../support/people.ts'
import { verifyEvent } from '../support/signing.ts'

const wasm = await initNostrWasm()

export const [alice, bob, carol] = [person('alice'), person('bob'), person('carol')]
/** By the names that inputs give them. */
export const PEOPLE: ReadonlyMap<string, Person> = new Map(Object.entries({ alice, bob, carol }))

/** In the stock: two one-time packages and a slot of Alice, one package of Bob, and a slot of Carol. */
export const STOCKED: readonly SignedEvent[] = [
  await oneTime(alice, 'first', 20),
  await oneTime(alice, 'second', 10),
  await mdkEvent(alice, { slot: 'phone' }),
  await oneTime(bob, 'only', 5),
  await mdkEvent(carol),
]

/** Of Alice, Bob and Carol; not in the stock. */
export const UNPUBLISHED: readonly SignedEvent[] = [
  await oneTime(alice, 'third', 1),
  await oneTime(bob, 'another', 1),
  await mdkEvent(carol, { createdAt: NOW + 1 }),
]

const rules = { ...resolveOptions({}), authenticatedAs: new Set<string>(), verifyEvent }
const stored: readonly StoredKeyPackage[] = STOCKED.map((event) => {
  const pkg = checkKeyPackage(event, rules, NOW)
  return event.kind === 443 ? { ...pkg, rank: rankOf(event, STORE_URL) } : pkg
})

/** Puts what is in the stock into a store, without checking it again. */
export async function fill(store: KeyPackageStore): Promise<void> {
  const { max, overflow, retireAfterSeconds } = resolveOptions({}).stock
  for (const pkg of stored) await store.put(pkg, { max, overflow, retireAfterSeconds }, NOW)
}

/** Texts that inputs write for longer ones. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ...[...PEOPLE].map(([name, { pubkey }]) => [`@${name}`, pubkey] as const),
  ...STOCKED.flatMap(({ id, content }, index): [string, string][] => [
    [`@stocked${index}`, id],
    [`@stocked${index}.content`, content],
  ]),
  ...UNPUBLISHED.map(({ content }, index): [string, string] => [`@new${index}.content`, content]),
])

export const CAST_WORDS: readonly string[] = [...WORDS.keys(), ...PEOPLE.keys(), 'by', '@challenge']

/** A value of an input with the words replaced, and with each event `{"by": "alice", ...}` signed. */
export function expanded(value: unknown, words: ReadonlyMap<string, string> = new Map()): unknown {
  if (typeof value === 'string') return words.get(value) ?? WORDS.get(value) ?? value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => expanded(item, words))
  const { by, ...fields } = Object.fromEntries(
    Object.entries(value).map(([key, inside]) => [key, expanded(inside, words)]),
  )
  const signer = typeof by === 'string' ? PEOPLE.get(by) : undefined
  if (signer !== undefined) return signed(fields, signer)
  return by === undefined ? fields : { by, ...fields }
}

/** An event with these fields. Those that a signature cannot cover (`id`, `sig`, `pubkey`) are put in afterwards, and break it. */
export function signed(fields: Readonly<Record<string, unknown>>, { secretKey }: Person): unknown {
  const event = { id: '', pubkey: '', kind: 443, created_at: NOW, tags: [], content: '', sig: '', ...fields }
  wasm.finalizeEvent(event, secretKey, new Uint8Array(32))
  return { ...event, ...fields }
}

async function oneTime(author: Person, seed: string, age: number): Promise<SignedEvent> {
  return keyPackageEvent(author, await makeKeyPackage(author, { seed }), { createdAt: NOW - age })
}
