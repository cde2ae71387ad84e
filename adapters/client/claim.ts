/** Asks one relay for key packages, and says for each author what came of it. */

import type { Filter } from 'nostr-tools/filter'
import { KEY_PACKAGE_KIND } from '../../plugin/key-package/kinds.ts'
import { supersedes } from '../../plugin/lifecycle/relay-list.ts'
import type { Reply } from './ask.ts'
import { type AuthorOutcome, judge, type RelayAnswer, unanswered } from './outcomes.ts'
import { type ReceivedKeyPackage, type RejectedEvent, receive } from './receive.ts'
import type { Time } from './time.ts'

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
  const slots = newestOfEachSlot(packages.filter(({ event }) => event.kind !== KEY_PACKAGE_KIND))
  if (single.length <= MOST_PACKAGES) return [...single, ...slots]
  const fresh = single.filter(({ ref }) => !used.has(ref))
  const choice = fresh.length > 0 ? fresh : single
  const index = Math.floor(time.random() * choice.length)
  return [...choice.slice(index, index + 1), ...slots]
}

/** What a slot held before may have lost its private part (NIP-01: the newest of an address counts). */
function newestOfEachSlot(packages: readonly ReceivedKeyPackage[]): ReceivedKeyPackage[] {
  const bySlot = new Map<string, ReceivedKeyPackage>()
  for (const pkg of packages) {
    const slot = pkg.event.tags.find(([name]) => name === 'd')?.[1] ?? ''
    const other = bySlot.get(slot)
    if (other === undefined || supersedes(pkg.event, other.event)) bySlot.set(slot, pkg)
  }
  return [...bySlot.values()]
}
