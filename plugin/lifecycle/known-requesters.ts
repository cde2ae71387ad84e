/**
 * Whether an author of key packages knows a requester: because they follow or vouch for them, or because the embedding relay
 * says so. A claim is looked up here only if a stranger would be answered differently.
 */

import type { Logger } from '../context.ts'
import { CLOCK_SKEW_SECONDS, isSignedEvent } from '../nostr/event.ts'
import type { Pubkey, SignedEvent } from '../nostr/messages.ts'
import type { KeyPackageStore } from '../store.ts'
import type { VerifyEvent } from '../verification.ts'
import { type Following, type FollowListLearner, type FollowListSource, followListOf } from './follow-list.ts'

/** Whether an author knows a requester who has authenticated as that pubkey. It may throw or reject. */
export type IsKnown = (author: Pubkey, requester: Pubkey) => boolean | Promise<boolean>

export interface KnownRequestersSettings {
  readonly store: Pick<KeyPackageStore, 'follows'>
  readonly log: Logger
  /** Seconds since the epoch. */
  readonly now: () => number
  readonly verifyEvent: VerifyEvent
  /** Keeps the lists that the relay is asked for. */
  readonly learner: Pick<FollowListLearner, 'learn'>
  /** A signal that is aborted after that many milliseconds. */
  readonly deadline: (ms: number) => AbortSignal
  readonly isKnown?: IsKnown | undefined
}

/** How long a claim waits for the relay and for `isKnown`. Who is not known by then is a stranger. */
const MAX_WAIT_MS = 200
/** How long the relay may take for the next claim to know. */
const MAX_ANSWER_MS = 10_000
/** How long the relay is not asked again for the lists of an author, whether it had any or not: a flood must not reach it. */
const ASKED_SECONDS = 3600
/** The same, if it did not answer. */
const FAILED_SECONDS = 60
/** Of the authors of whom is remembered that the relay was asked (I9). */
const MAX_REMEMBERED = 10_000
/** Authors whose lists the relay is asked for at the same time. Those beyond are asked for by a later claim. */
const MAX_ASKING = 16

export class KnownRequesters {
  readonly #settings: KnownRequestersSettings
  #source: FollowListSource | undefined
  /** Until when the relay is not asked again for an author's lists (seconds since the epoch), the oldest first. */
  readonly #askedUntil = new Map<Pubkey, number>()
  readonly #asking = new Map<Pubkey, Promise<void>>()
  #isFailing = false

  constructor(settings: KnownRequestersSettings) {
    this.#settings = settings
  }

  /**
   * By which of the pubkeys that a connection has authenticated the author knows it. Never rejects: a failure means by none. Takes
   * at most 200 ms longer than the store.
   */
  async knownAs(author: Pubkey, authenticated: ReadonlySet<Pubkey>): Promise<Pubkey | undefined> {
    const pubkeys = [...authenticated]
    return (await this.#followedOf(author, pubkeys)) ?? (await this.#saidToBeKnown(author, pubkeys))
  }

  /** Has the relay behind asked for lists that did not pass here. Returns a function that stops it. */
  askFrom(source: FollowListSource): () => void {
    this.#source = source
    return () => {
      if (this.#source === source) this.#source = undefined
    }
  }

  /** An author has published a package. If it is the first, their lists are not known yet. Never rejects. */
  async published(author: Pubkey): Promise<void> {
    if (!this.#mayAsk(author)) return
    if ((await this.#following(author, [])) === 'unknown') await this.#ask(author)
  }

  /**
   * One of these pubkeys whom the author follows. Looked up all together, and then in halves: a connection may have authenticated
   * a hundred, and ask for hundreds of authors (I9).
   */
  async #followedOf(author: Pubkey, pubkeys: readonly Pubkey[]): Promise<Pubkey | undefined> {
    const isOneFollowed = async (some: readonly Pubkey[]) =>
      some.length > 0 && (await this.#following(author, some)) === 'followed'
    if (!(await isOneFollowed(pubkeys))) return undefined
    let among = pubkeys
    while (among.length > 1) {
      const half = among.slice(0, among.length >> 1)
      among = (await isOneFollowed(half)) ? half : among.slice(half.length)
    }
    return among[0]
  }

  /** By the relay behind, or by the embedding relay. */
  async #saidToBeKnown(author: Pubkey, pubkeys: readonly Pubkey[]): Promise<Pubkey | undefined> {
    if (pubkeys.length === 0) return undefined
    const answers = [...this.#askRelay(author, pubkeys), ...this.#askEmbedder(author, pubkeys)]
    return answers.length === 0 ? undefined : firstFound(answers, this.#settings.deadline(MAX_WAIT_MS))
  }

  /** Undefined if the store does not answer. */
  async #following(author: Pubkey, pubkeys: readonly Pubkey[]): Promise<Following | undefined> {
    const { store, log } = this.#settings
    try {
      return await store.follows(author, pubkeys)
    } catch (error) {
      log.error({ err: error }, 'the store failed to look up whom an author follows')
      return undefined
    }
  }

  #askRelay(author: Pubkey, pubkeys: readonly Pubkey[]): Promise<Pubkey | undefined>[] {
    const asking = this.#ask(author)
    if (asking === undefined) return []
    return [asking.then(() => this.#followedOf(author, pubkeys))]
  }

  #askEmbedder(author: Pubkey, pubkeys: readonly Pubkey[]): Promise<Pubkey | undefined>[] {
    const { isKnown } = this.#settings
    if (isKnown === undefined) return []
    return pubkeys.map(async (pubkey) =>
      (await this.#isKnownBy(isKnown, author, pubkey)) ? pubkey : undefined,
    )
  }

  async #isKnownBy(isKnown: IsKnown, author: Pubkey, pubkey: Pubkey): Promise<boolean> {
    try {
      return (await isKnown(author, pubkey)) === true
    } catch (error) {
      this.#settings.log.error({ err: error }, 'isKnown failed: the requester counts as a stranger')
      return false
    }
  }

  /** Never rejects; undefined if the relay is not asked. Those who ask at the same time share one answer. */
  #ask(author: Pubkey): Promise<void> | undefined {
    const underway = this.#asking.get(author)
    if (underway !== undefined) return underway
    const source = this.#source
    if (source === undefined || !this.#mayAsk(author)) return undefined
    const asking = this.#learnFrom(source, author).finally(() => this.#asking.delete(author))
    this.#asking.set(author, asking)
    return asking
  }

  #mayAsk(author: Pubkey): boolean {
    if (this.#source === undefined || this.#asking.size >= MAX_ASKING) return false
    return (this.#askedUntil.get(author) ?? 0) <= this.#settings.now()
  }

  async #learnFrom(source: FollowListSource, author: Pubkey): Promise<void> {
    const { deadline, learner } = this.#settings
    try {
      const late = deadline(MAX_ANSWER_MS)
      const events = await beforeAbort(source(author, late), late)
      for (const event of events) if (await this.#isListOf(author, event)) await learner.learn(event)
      this.#remember(author, ASKED_SECONDS)
      this.#isFailing = false
    } catch (error) {
      this.#remember(author, FAILED_SECONDS)
      this.#failed(error)
    }
  }

  /** A relay may answer anything. */
  async #isListOf(author: Pubkey, event: SignedEvent): Promise<boolean> {
    const { now, verifyEvent } = this.#settings
    if (!isSignedEvent(event) || event.pubkey !== author || followListOf(event) === undefined) return false
    return event.created_at <= now() + CLOCK_SKEW_SECONDS && (await verifyEvent(event))
  }

  #remember(author: Pubkey, seconds: number): void {
    this.#askedUntil.delete(author)
    this.#askedUntil.set(author, this.#settings.now() + seconds)
    const [oldest] = this.#askedUntil.size > MAX_REMEMBERED ? this.#askedUntil.keys() : []
    if (oldest !== undefined) this.#askedUntil.delete(oldest)
  }

  /** Logs it once for each outage. */
  #failed(error: unknown): void {
    if (!this.#isFailing)
      this.#settings.log.warn({ err: error }, 'the relay could not be asked whom an author follows')
    this.#isFailing = true
  }
}

/** The first pubkey that is found; undefined once none was, or the signal is aborted. None of the answers rejects. */
function firstFound(
  answers: readonly Promise<Pubkey | undefined>[],
  late: AbortSignal,
): Promise<Pubkey | undefined> {
  return new Promise((resolve) => {
    late.addEventListener('abort', () => resolve(undefined), { once: true })
    for (const answer of answers) void answer.then((pubkey) => pubkey !== undefined && resolve(pubkey))
    void Promise.all(answers).then(() => resolve(undefined))
  })
}

/** @throws the signal's reason if it is aborted first */
function beforeAbort<Answer>(answer: Promise<Answer>, late: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    late.addEventListener('abort', () => reject(late.reason), { once: true })
    answer.then(resolve, reject)
  })
}
