/** Asks one relay for key packages, and says for each author what came of it. */

import type { Filter } from 'nostr-tools/filter'
import { KEY_PACKAGE_KIND } from '../../plugin/key-package/kinds.ts'
import type { Reply } from './ask.ts'
import { type ReceivedKeyPackage, type RejectedEvent, receive } from './receive.ts'
import { parseRefusal, type Refusal } from './refusals.ts'
import type { Time } from './time.ts'

/**
 * What a relay answered for one author.
 * - `delivered`: these packages; the gateway has spent them, but for an author's last.
 * - `missing`: it has none.
 * - `limited`: asked too often; there may be some.
 * - `unanswered`: it may be asked again.
 * - `refused`: it is of no use to ask it again.
 */
export type AuthorOutcome =
  | { readonly outcome: 'delivered'; readonly packages: readonly ReceivedKeyPackage[] }
  | { readonly outcome: 'missing' }
  | { readonly outcome: 'limited'; readonly retryAfterSeconds: number }
  | { readonly outcome: 'unanswered' | 'refused'; readonly reason: string }

export interface RelayAnswer {
  readonly outcomes: ReadonlyMap<string, AuthorOutcome>
  readonly rejected: readonly RejectedEvent[]
}

export interface ClaimSettings {
  readonly relay: string
  readonly kinds: readonly number[]
  /** `#f`: how the gateway should write the content. A relay without a gateway takes it for a tag, and finds nothing. */
  readonly encoding: 'hex' | 'base64' | undefined
  /** KeyPackageRefs that are better not taken again, where there is a choice. */
  readonly used: ReadonlySet<string>
  readonly time: Time
  readonly ask: (filters: readonly Filter[]) => Promise<Reply>
}

/** What a gateway allows in one query unless its operator says otherwise. */
const MOST_AUTHORS = 500
/** A gateway hands out one package of each author, or two; a relay without one hands out whatever it has. */
const MOST_PACKAGES = 2
/** For a relay that limits, and does not say for how long. */
const RETRY_AFTER_SECONDS = 60
/** How long a relay may take over all the parts of a question, of which it decides how many there are. */
const LONGEST_MS = 60_000

/** Never rejects. NOTICEs count as answers: no other query may be under way at this relay. */
export async function claimAt(authors: readonly string[], settings: ClaimSettings): Promise<RelayAnswer> {
  return claimInBatches(authors, MOST_AUTHORS, { ...settings, until: settings.time.now() + LONGEST_MS })
}

interface BatchSettings extends ClaimSettings {
  /** Milliseconds since the epoch; what was not asked by then is unanswered. */
  readonly until: number
}

async function claimInBatches(
  authors: readonly string[],
  size: number,
  settings: BatchSettings,
): Promise<RelayAnswer> {
  const outcomes = new Map<string, AuthorOutcome>()
  const rejected: RejectedEvent[] = []
  for (let start = 0; start < authors.length; start += size) {
    const answer = await claimBatch(authors.slice(start, start + size), settings)
    for (const [author, outcome] of answer.outcomes) outcomes.set(author, outcome)
    rejected.push(...answer.rejected)
  }
  return { outcomes, rejected }
}

async function claimBatch(authors: readonly string[], settings: BatchSettings): Promise<RelayAnswer> {
  const { kinds, encoding, ask, time, until } = settings
  if (time.now() >= until) return unanswered(authors, 'no answer in time')
  const reply = await ask([
    { kinds: [...kinds], authors: [...authors], ...(encoding !== undefined && { '#f': [encoding] }) },
  ])
  const { packages, rejected } = await receiveAll(reply.events, authors, settings)
  const outcomes = new Map<string, AuthorOutcome>()
  for (const [author, received] of packages) {
    outcomes.set(author, { outcome: 'delivered', packages: choose(received, settings) })
  }
  const unserved = authors.filter((author) => !packages.has(author))
  const verdict = judge(reply, unserved.length)
  if (verdict.outcome === 'ask in parts') {
    const parts = await claimInBatches(unserved, verdict.size, settings)
    return { outcomes: new Map([...outcomes, ...parts.outcomes]), rejected: [...rejected, ...parts.rejected] }
  }
  for (const author of unserved) outcomes.set(author, verdict)
  return { outcomes, rejected }
}

export function unanswered(authors: readonly string[], reason: string): RelayAnswer {
  return {
    outcomes: new Map(authors.map((author) => [author, { outcome: 'unanswered', reason }])),
    rejected: [],
  }
}

/** What a reply means for the authors of whom it brought nothing. */
function judge(
  { notices, end }: Reply,
  unserved: number,
): AuthorOutcome | { readonly outcome: 'ask in parts'; readonly size: number } {
  if (end.by === 'silence') return { outcome: 'unanswered', reason: 'no answer in time' }
  if (end.by === 'loss') return { outcome: 'unanswered', reason: 'the connection was lost' }
  const refusal =
    end.by === 'closed' ? parseRefusal(end.message) : notices.map(parseRefusal).find(isAboutAuthors)
  if (refusal === undefined) return { outcome: 'missing' }
  const { prefix, message, limitedAuthors, mostAuthors, retryAfterSeconds = RETRY_AFTER_SECONDS } = refusal
  if (prefix === 'rate-limited') {
    // Which of them are limited, and which have nothing, only asking for each of them tells.
    const isAboutSome = limitedAuthors !== undefined && limitedAuthors < unserved
    if (isAboutSome && unserved > 1) return { outcome: 'ask in parts', size: 1 }
    return { outcome: 'limited', retryAfterSeconds }
  }
  if (mostAuthors !== undefined && mostAuthors > 0 && mostAuthors < unserved) {
    return { outcome: 'ask in parts', size: mostAuthors }
  }
  return { outcome: prefix === 'error' ? 'unanswered' : 'refused', reason: message }
}

/** Of the NOTICEs of the gateway, those that say why authors were left out. */
function isAboutAuthors({ prefix }: Refusal): boolean {
  return prefix === 'rate-limited' || prefix === 'error'
}

interface Received {
  readonly packages: ReadonlyMap<string, readonly ReceivedKeyPackage[]>
  readonly rejected: readonly RejectedEvent[]
}

async function receiveAll(
  events: readonly unknown[],
  authors: readonly string[],
  { relay, kinds, time }: ClaimSettings,
): Promise<Received> {
  const packages = new Map<string, ReceivedKeyPackage[]>()
  const rejected: RejectedEvent[] = []
  for (const event of events) {
    try {
      const received = await receive(event, { kinds, authors, now: time.now() })
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
 * A gateway has chosen already, and slots are all to be had. Where there is no gateway everybody is shown the same
 * packages: taken at random, two requesters seldom have the same one.
 */
function choose(
  packages: readonly ReceivedKeyPackage[],
  { used, time }: ClaimSettings,
): readonly ReceivedKeyPackage[] {
  const single = packages.filter(({ event }) => event.kind === KEY_PACKAGE_KIND)
  if (single.length <= MOST_PACKAGES) return packages
  const fresh = single.filter(({ ref }) => !used.has(ref))
  const choice = fresh.length > 0 ? fresh : single
  const chosen = choice[Math.floor(time.random() * choice.length)]
  return packages.filter((pkg) => pkg === chosen || pkg.event.kind !== KEY_PACKAGE_KIND)
}
