/** Real clients as a relay sees them: what each publishes, how it asks, and how it looks after what it has published. */

import { createHash } from 'node:crypto'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import {
  amethystEvent,
  loxationEvent,
  marmotKeyPackage,
  marmotTsEvent,
  mdkEvent,
  mipKeyPackage,
  paytacaEvent,
  pikaEvent,
  type SlotSettings,
  whitenoiseTwins,
} from '../../support/generations.ts'
import type { MadeKeyPackage } from '../../support/key-packages.ts'
import type { Person } from '../../support/people.ts'

export interface Filter {
  readonly kinds: readonly number[]
  readonly authors: readonly string[]
  readonly limit?: number
}

interface RealClient {
  readonly name: string
  /** The filter before an invite. */
  asks(...authors: readonly Person[]): Filter
  /** The filter for its own packages. */
  looksAfter(author: Person): Filter
  /** The tags of the deletion (NIP-09) of some of its events. */
  deletes(events: readonly SignedEvent[]): string[][]
  /** Whether it authenticates by itself when it is challenged. */
  readonly answersAuth: boolean
}

/** A client whose package stays until it rotates it. */
export interface SlotClient extends RealClient {
  makes(author: Person, now: number): Promise<MadeKeyPackage>
  /** The events of one key package, in their order. */
  publishes(author: Person, settings: SlotSettings): Promise<readonly SignedEvent[]>
}

/** A client whose packages are claimed once. */
export interface OneTimeClient extends RealClient {
  publishes(author: Person, settings: { readonly createdAt: number }): Promise<readonly SignedEvent[]>
}

export const mdk: SlotClient = {
  name: 'mdk',
  makes: marmotKeyPackage,
  publishes: async (author, settings) => [await mdkEvent(author, settings)],
  asks: (...authors) => ({ ...of([30443], authors), limit: 12 * authors.length }),
  looksAfter: (author) => of([30443], [author]),
  deletes: (events) => [...byAddress(events), ...byKind(events)],
  answersAuth: true,
}

export const whitenoise: SlotClient = {
  name: 'whitenoise-rs',
  makes: mipKeyPackage,
  publishes: (author, settings) =>
    whitenoiseTwins(author, { slot: slotOf('whitenoise', author), ...settings }),
  asks: (...authors) => of([30443, 443], authors),
  looksAfter: (author) => of([30443, 443], [author]),
  deletes: (events) => [...byId(events), ...byKind(events)],
  answersAuth: true,
}

export const marmotTs: SlotClient = {
  name: 'marmot-ts',
  makes: mipKeyPackage,
  publishes: async (author, settings) => [await marmotTsEvent(author, settings)],
  asks: (...authors) => ({ ...of([30443], authors), limit: 50 }),
  looksAfter: (author) => of([30443], [author]),
  deletes: (events) => [...byKind(events), ...byId(events), ...byAddress(events)],
  answersAuth: false,
}

const amethyst: SlotClient = {
  name: 'Amethyst',
  makes: mipKeyPackage,
  publishes: async (author, settings) => [
    await amethystEvent(author, { slot: slotOf('Amethyst', author), ...settings }),
  ],
  asks: (...authors) => of([30443], authors),
  looksAfter: (author) => of([30443], [author]),
  deletes: (events) => [...byId(events), ...byAddress(events), ...byKind(events)],
  answersAuth: true,
}

export const pika: OneTimeClient = {
  name: 'pika',
  publishes: async (author, settings) => [await pikaEvent(author, settings)],
  asks: (...authors) => ({ ...of([443], authors), limit: 1 }),
  looksAfter: (author) => ({ ...of([443], [author]), limit: 10 }),
  deletes: (events) => [...byId(events), ...byKind(events)],
  answersAuth: true,
}

export const nostrSdkIos: OneTimeClient = {
  name: 'nostr-sdk-ios (Loxation)',
  publishes: async (author, settings) => [await loxationEvent(author, settings)],
  asks: (...authors) => of([443], authors),
  looksAfter: (author) => of([443], [author]),
  deletes: byId,
  answersAuth: true,
}

const paytaca: OneTimeClient = {
  name: 'Paytaca',
  publishes: async (author, settings) => [await paytacaEvent(author, settings)],
  asks: (...authors) => of([443], authors),
  looksAfter: (author) => of([443], [author]),
  deletes: byId,
  answersAuth: true,
}

export const slotClients: readonly SlotClient[] = [mdk, whitenoise, marmotTs, amethyst]
export const oneTimeClients: readonly OneTimeClient[] = [pika, nostrSdkIos, paytaca]
export const realClients = [...slotClients, ...oneTimeClients]

/** Different clients of one author have different slots. */
function slotOf(client: string, { pubkey }: Person): string {
  return createHash('sha256').update(`${client} of ${pubkey}`).digest('hex')
}

function of(kinds: readonly number[], authors: readonly Person[]): Filter {
  return { kinds, authors: authors.map(({ pubkey }) => pubkey) }
}

function byId(events: readonly SignedEvent[]): string[][] {
  return events.map(({ id }) => ['e', id])
}

function byKind(events: readonly SignedEvent[]): string[][] {
  return events.map(({ kind }) => ['k', String(kind)])
}

function byAddress(events: readonly SignedEvent[]): string[][] {
  return events
    .filter(({ kind }) => kind === 30443)
    .map(({ pubkey, tags }) => ['a', `30443:${pubkey}:${tags.find(([name]) => name === 'd')?.[1]}`])
}
