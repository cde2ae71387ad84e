/** The made-up people of `demo --keep`: their keys, the apps they use, and how they look after their key packages. */

import { createHash } from 'node:crypto'
import type { EventTemplate } from 'nostr-tools/core'
import { finalizeEvent, getPublicKey } from 'nostr-tools/pure'
import type { CiphersuiteImpl } from 'ts-mls'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { createKeyPackageEvent } from '../../client/events.ts'
import { generateKeyPackage } from '../../client/generate.ts'
import type { Generation } from '../../client/generation.ts'

export interface Resident {
  readonly name: string
  readonly pubkey: string
  /** By which documents their app works. */
  readonly generation: Generation
  /** How many one-time packages their app publishes at first. */
  readonly packages: number
  /** How long those are valid. */
  readonly lifetimeDays: number
  /** The names of their slots; none where their app knows none. */
  readonly slots: readonly string[]
  /** What their app does when few are left. */
  readonly whenLow: 'publishes more' | 'does nothing' | 'runs out' | 'leaves'
  sign(template: EventTemplate): SignedEvent
}

const DAY = 86_400
const WEEKS = 84

type Habits = Pick<Resident, 'generation' | 'packages' | 'whenLow'> & {
  readonly lifetimeDays?: number
  readonly slots?: number
}

/** Somebody for each state in which a stock can be, and others. */
const HABITS: readonly (readonly [name: string, habits: Habits])[] = [
  ['Alice', { generation: 'mip-00', packages: 9, slots: 2, whenLow: 'publishes more' }],
  // Only the last one is left.
  ['Bob', { generation: 'nip-ee', packages: 6, whenLow: 'runs out' }],
  // All of hers expire within hours.
  ['Carol', { generation: 'nip-ee', packages: 7, lifetimeDays: 7.3, whenLow: 'does nothing' }],
  // He is out: he has deleted his.
  ['Dave', { generation: 'mip-00', packages: 5, whenLow: 'leaves' }],
  // Slots alone, as apps of the Marmot specification publish them.
  ['Erin', { generation: 'marmot', packages: 0, slots: 1, whenLow: 'publishes more' }],
  ...['Frank', 'Grace', 'Heidi', 'Ivan', 'Judy', 'Mallory'].map(
    (name) => [name, { generation: 'marmot', packages: 6, slots: 1, whenLow: 'publishes more' }] as const,
  ),
  ...['Niaj', 'Olivia', 'Peggy', 'Rupert', 'Sybil', 'Trent'].map(
    (name) => [name, { generation: 'mip-00', packages: 10, slots: 1, whenLow: 'publishes more' }] as const,
  ),
  ...['Uma', 'Victor', 'Walter', 'Xenia', 'Yves', 'Zoe'].map(
    (name) => [name, { generation: 'nip-ee', packages: 9, whenLow: 'does nothing' }] as const,
  ),
]

/** The same people with the same keys in every demo: whoever tries it again need not sign in again. */
export function createResidents(): Resident[] {
  return HABITS.map(([name, { lifetimeDays = WEEKS, slots = 0, ...habits }]) => ({
    ...signerOf(name),
    ...habits,
    name,
    lifetimeDays,
    slots: Array.from({ length: slots }, (_, index) => hashOf(`${name}'s device ${index}`)),
  }))
}

/** Somebody whose key follows from their name. Anybody can calculate it; it is for the demo alone. */
export function signerOf(name: string): Pick<Resident, 'name' | 'pubkey' | 'sign'> {
  const secretKey = Uint8Array.from(Buffer.from(hashOf(`keypackage-gateway demo: ${name}`), 'hex'))
  return { name, pubkey: getPublicKey(secretKey), sign: (template) => finalizeEvent(template, secretKey) }
}

/** Key package events of a resident, made at a time in seconds since the epoch; with a slot, of kind 30443. */
export async function makePackage(
  resident: Resident,
  suite: CiphersuiteImpl,
  { at, slot }: { readonly at: number; readonly slot?: string },
): Promise<SignedEvent> {
  const { pubkey, generation, lifetimeDays } = resident
  const lifetimeSeconds = (slot === undefined ? lifetimeDays : WEEKS) * DAY
  const made = await generateKeyPackage({ pubkey, generation, ciphersuite: suite, lifetimeSeconds, now: at })
  const template = await createKeyPackageEvent({
    keyPackage: made.publicPackage,
    generation,
    createdAt: at,
    ...(slot !== undefined && { slot }),
  })
  return resident.sign(template)
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
