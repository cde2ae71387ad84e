/** Claims key packages at one relay, and says for each author what came of it. */

import type { Filter } from 'nostr-tools/filter'
import { KEY_PACKAGE_KIND } from '../../plugin/key-package/kinds.ts'
import { supersedes } from '../../plugin/lifecycle/relay-list.ts'
import { type ParsedRefusal, parseRefusal } from '../../plugin/nostr/machine-readable.ts'
import type { IsComplete, Reply } from './request.ts'
import type { Time } from './time.ts'
import { type ReceivedKeyPackage, type RejectedEvent, verifyKeyPackage } from './verify.ts'

/**
 * What a relay answered for one author.
 * - `delivered`: these packages: a one-time package, which the gateway has spent unless it is the author's last, or a
 *   package for each of the author's slots.
 * - `missing`: it has none.
 * - `limited`: the quota is used up; there may be packages.
 * - `unanswered`: the relay failed, and may be asked again.
 * - `refused`: asking again is of no use.
 */
export type ClaimOutcome =
  | { readonly outcome: 'delivered'; readonly packages: readonly ReceivedKeyPackage[] }
  | { readonly outcome: 'missing' }
  | { readonly outcome: 'limited'; readonly retryAfterSeconds: number }
  | { readonly outcome: 'unanswered' | 'refused'; readonly reason: string }

export interface RelayAnswer {
  /** By author. */
  readonly outcomes: ReadonlyMap<string, ClaimOutcome>
  readonly rejected: readonly RejectedEvent[]
}

export interface ClaimSettings {
  readonly relay: string
  readonly kinds: readonly number[]
  /** Sent as `#f`. A relay without a gateway takes it for a tag, and finds nothing. */
  readonly encoding: 'hex' | 'base64' | undefined
  /** KeyPackageRefs that the client received before: others are preferred. */
  readonly used: ReadonlySet<string>
  readonly time: Time
  readonly request: (filters: readonly Filter[], isComplete: IsComplete) => Promise<Reply>
}

/** The default of a gateway's `claim.maxAuthors`. */
const MAX_AUTHORS = 500
/** A gateway hands out at most two packages of an author; a relay without one sends everything it has. */
const MAX_CLAIMED = 2
/** For all batches together: the relay decides how many there are. */
const MAX_TOTAL_MS = 60_000
/** For a relay that limits, and does not say for how long. */
const DEFAULT_RETRY_AFTER_SECONDS = 60

/** Never rejects. NOTICEs are part of the answer, so no other query may be open at this relay. */
export async function claimAtRelay(
  authors: readonly string[],
  settings: ClaimSettings,
): Promise<RelayAnswer> {
  return claimInBatches(authors, MAX_AUTHORS, { ...settings, until: settings.time.now() + MAX_TOTAL_MS })
}

/** The same outcome for all authors: the relay failed. */
export function unansweredFor(authors: readonly string[], reason: string): RelayAnswer {
  return {
    outcomes: new Map(authors.map((author) => [author, { outcome: 'unanswered', reason }])),
    rejected: [],
  }
}

interface BatchSettings extends ClaimSettings {
  /** Milliseconds since the epoch; batches after that are not sent. */
  readonly until: number
}

async function claimInBatches(
  authors: readonly string[],
  size: number,
  settings: BatchSettings,
): Promise<RelayAnswer> {
  const outcomes = new Map<string, ClaimOutcome>()
  const rejected: RejectedEvent[] = []
  for (let start = 0; start < authors.length; start += size) {
    const answer = await claimBatch(authors.slice(start, start + size), settings)
    for (const [author, outcome] of answer.outcomes) outcomes.set(author, outcome)
    rejected.push(...answer.rejected)
  }
  return { outcomes, rejected }
}

async function claimBatch(authors: readonly string[], settings: BatchSettings): Promise<RelayAnswer> {
  const { kinds, encoding, request, time, until } = settings
  if (time.now() >= until) return unansweredFor(authors, 'no answer in time')
  const filter = {
    kinds: [...kinds],
    authors: [...authors],
    ...(encoding !== undefined && { '#f': [encoding] }),
  }
  const reply = await request(
    [filter],
    ({ events, notices }) =>
      authorsOf(events).size >= authors.length || notices.map(parseRefusal).some(isAboutAuthors),
  )
  const { packages, rejected } = await verifyAll(reply.events, authors, settings)
  const outcomes = new Map<string, ClaimOutcome>()
  for (const [author, received] of packages) {
    outcomes.set(author, { outcome: 'delivered', packages: choose(received, settings) })
  }
  const unserved = authors.filter((author) => !packages.has(author))
  const rest = outcomeOf(reply, unserved.length)
  if (rest.outcome === 'split') {
    const parts = await claimInBatches(unserved, rest.size, settings)
    return { outcomes: new Map([...outcomes, ...parts.outcomes]), rejected: [...rejected, ...parts.rejected] }
  }
  for (const author of unserved) outcomes.set(author, rest)
  return { outcomes, rejected }
}

/** Whoever they say they are from, before anything is verified. */
function authorsOf(events: readonly unknown[]): Set<unknown> {
  return new Set(events.map((event) => Object(event).pubkey))
}

/** What a reply means for the authors of whom it has no package; `split`: ask again, for `size` authors at a time. */
function outcomeOf(
  { notices, end }: Reply,
  unserved: number,
): ClaimOutcome | { readonly outcome: 'split'; readonly size: number } {
  if (end.by === 'timeout') return { outcome: 'unanswered', reason: 'no answer in time' }
  if (end.by === 'disconnect') return { outcome: 'unanswered', reason: 'the connection was lost' }
  const refusal =
    end.by === 'closed' ? parseRefusal(end.message) : notices.map(parseRefusal).find(isAboutAuthors)
  if (refusal === undefined) return { outcome: 'missing' }
  const { prefix, message, limitedAuthors, maxAuthors } = refusal
  if (prefix === 'rate-limited') {
    // The gateway does not say which of the authors are limited and which have no package.
    const isForSome = limitedAuthors !== undefined && limitedAuthors < unserved
    if (isForSome && unserved > 1) return { outcome: 'split', size: 1 }
    return { outcome: 'limited', retryAfterSeconds: refusal.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS }
  }
  if (maxAuthors !== undefined && maxAuthors > 0 && maxAuthors < unserved) {
    return { outcome: 'split', size: maxAuthors }
  }
  return { outcome: prefix === 'error' ? 'unanswered' : 'refused', reason: message }
}

/** Whether a NOTICE says why authors were left out; a gateway sends others as well. */
function isAboutAuthors({ prefix }: ParsedRefusal): boolean {
  return prefix === 'rate-limited' || prefix === 'error'
}

interface Verified {
  /** By author. */
  readonly packages: ReadonlyMap<string, readonly ReceivedKeyPackage[]>
  readonly rejected: readonly RejectedEvent[]
}

async function verifyAll(
  events: readonly unknown[],
  authors: readonly string[],
  { relay, kinds, time }: ClaimSettings,
): Promise<Verified> {
  const packages = new Map<string, ReceivedKeyPackage[]>()
  const rejected: RejectedEvent[] = []
  for (const event of events) {
    try {
      const received = await verifyKeyPackage(event, { relay, kinds, authors, now: time.now() })
      const others = packages.get(received.author) ?? []
      const isNew = others.every(({ ref }) => ref !== received.ref)
      packages.set(received.author, isNew ? [...others, received] : others)
    } catch (error) {
      rejected.push({ relay, event, reason: (error as Error).message })
    }
  }
  return { packages, rejected }
}

/**
 * All slots, and what a gateway has chosen. A relay without a gateway shows every one-time package to everybody: one is
 * taken at random, so that two requesters seldom get the same.
 */
function choose(
  packages: readonly ReceivedKeyPackage[],
  { used, time }: ClaimSettings,
): readonly ReceivedKeyPackage[] {
  const oneTime = packages.filter(({ event }) => event.kind === KEY_PACKAGE_KIND)
  const slots = newestOfEachSlot(packages.filter(({ event }) => event.kind !== KEY_PACKAGE_KIND))
  if (oneTime.length <= MAX_CLAIMED) return [...oneTime, ...slots]
  const unused = oneTime.filter(({ ref }) => !used.has(ref))
  const choice = unused.length > 0 ? unused : oneTime
  const index = Math.floor(time.random() * choice.length)
  return [...choice.slice(index, index + 1), ...slots]
}

/** The author may have deleted the private keys of an older one (NIP-01: the newest addressable event counts). */
function newestOfEachSlot(packages: readonly ReceivedKeyPackage[]): ReceivedKeyPackage[] {
  const bySlot = new Map<string, ReceivedKeyPackage>()
  for (const pkg of packages) {
    const slot = pkg.event.tags.find(([name]) => name === 'd')?.[1] ?? ''
    const other = bySlot.get(slot)
    if (other === undefined || supersedes(pkg.event, other.event)) bySlot.set(slot, pkg)
  }
  return [...bySlot.values()]
}
