/** Decides who may publish and claim key packages: those of the settings and of the store who are banned, or alone allowed. */

import { createHash } from 'node:crypto'
import type { Pubkey } from '../nostr/messages.ts'
import { Refusal, UNAVAILABLE } from '../nostr/refusal.ts'
import type { Options } from '../options.ts'
import { SettingsError } from '../settings.ts'
import type { AccessList, AccessRule, KeyPackageStore } from '../store.ts'
import { SubjectSet } from './subject-set.ts'
import { readSubject } from './subjects.ts'

/** After how long the rules are read again although nobody has said that they changed, in seconds: a signal may be lost. */
const READ_AGAIN_SECONDS = 60

/** Whom a refusal is decided for. */
export interface Asker {
  readonly authenticated: ReadonlySet<string>
  /** The network address itself, not the /64 that quotas count; undefined if it is not known. */
  readonly networkAddress?: string | undefined
}

/** An access rule, and where it comes from: those of the settings cannot be removed at run time. */
export type ListedAccessRule =
  | (AccessRule & { readonly from: 'store' })
  | { readonly list: AccessList; readonly subject: string; readonly from: 'settings' }

/**
 * What became of a rule that was to be removed.
 * - `removed`: it is gone.
 * - `missing`: there was none.
 * - `in settings`: it stays in force, because the settings have it as well.
 */
export type RuleRemoval = 'removed' | 'missing' | 'in settings'

export interface AccessSettings {
  readonly options: Pick<Options, 'access'>
  readonly store: Pick<KeyPackageStore, 'accessRules' | 'putAccessRule' | 'dropAccessRule'>
  readonly log: { error(fields: object, message: string): void }
  /** Seconds since the epoch. */
  now(): number
}

type Sets = Readonly<Record<AccessList, SubjectSet>>

/**
 * The rules are kept in memory, so that no claim costs a call to the store for them. They are read when they are first needed,
 * and again after `changed`. Where they cannot be read, nobody publishes or claims (I7).
 */
export class Access {
  readonly #settings: AccessSettings
  readonly #fixed: Readonly<Record<AccessList, readonly string[]>>
  #sets: Sets | undefined
  #readAt = 0
  /** How often the rules have changed; a reading that began before the last change is not used. */
  #version = 0
  #reading: { readonly version: number; readonly sets: Promise<Sets> } | undefined
  #isStale = true

  /** @throws SettingsError naming each entry of `access` that is no pubkey, address or network */
  constructor(settings: AccessSettings) {
    this.#settings = settings
    this.#fixed = subjectsIn(settings.options.access)
  }

  /** The rules have changed, or may have. */
  changed(): void {
    this.#version += 1
    this.#isStale = true
  }

  /** Why this asker may not claim, nor list their own packages; undefined if they may. Never rejects. */
  async refusalToClaim(asker: Asker): Promise<Refusal | undefined> {
    const sets = await this.#current()
    if (sets instanceof Refusal) return sets
    if (isIn(sets.ban, asker)) return new Refusal('blocked', 'you may not query key packages here')
    if (this.#isAllowed(sets, asker)) return undefined
    return asker.authenticated.size === 0
      ? new Refusal('auth-required', 'authenticate to query key packages')
      : new Refusal('blocked', 'you are not on the list of those who may query key packages here')
  }

  /** Why a package of this author may not be published from this address; undefined if it may. Never rejects. */
  async refusalToPublish(author: Pubkey, networkAddress: string | undefined): Promise<Refusal | undefined> {
    const sets = await this.#current()
    if (sets instanceof Refusal) return sets
    const asker = { authenticated: new Set([author]), networkAddress }
    if (isIn(sets.ban, asker)) return new Refusal('blocked', 'you may not publish key packages here')
    if (this.#isAllowed(sets, asker)) return undefined
    return new Refusal('blocked', 'you are not on the list of those who may publish key packages here')
  }

  /** Whether this asker may claim, by the rules read last; not before they were read (I7). */
  admits(asker: Asker): boolean {
    if (this.#sets === undefined || isIn(this.#sets.ban, asker)) return false
    return this.#isAllowed(this.#sets, asker)
  }

  /** Whether an author's packages are served, by the rules read last; not before they were read (I7). */
  serves(author: Pubkey): boolean {
    return this.#sets !== undefined && !this.#sets.ban.hasPubkey(author)
  }

  /** Whether an author was banned when the rules were read last. For what is only a courtesy. */
  hasBanned(author: Pubkey): boolean {
    return this.#sets?.ban.hasPubkey(author) === true
  }

  /**
   * The author whom the store is asked about instead: for one who is not served, somebody who has no packages and never will.
   * So a claim finds nothing in the same way, and as fast, as of an author without packages.
   */
  standIn(author: Pubkey): Pubkey {
    if (this.serves(author)) return author
    return createHash('sha256').update(`not served ${author}`).digest('hex')
  }

  /** Whether packages of this author may be pushed now. False where the rules cannot be read (I7). */
  async pushes(author: Pubkey): Promise<boolean> {
    return !((await this.#current()) instanceof Refusal) && this.serves(author)
  }

  /** Adds a rule, or gives the one there is another reason. @throws SettingsError for a subject that is none. Rejects when the store does. */
  async add(list: AccessList, text: string, reason: string | undefined): Promise<AccessRule> {
    const rule = {
      list,
      subject: requireSubject(text),
      ...(reason !== undefined && reason !== '' && { reason }),
      at: this.#settings.now(),
    }
    await this.#settings.store.putAccessRule(rule)
    this.changed()
    return rule
  }

  /** Removes a rule. @throws SettingsError for a subject that is none. Rejects when the store does. */
  async remove(list: AccessList, text: string): Promise<RuleRemoval> {
    const subject = requireSubject(text)
    const outcome = await this.#settings.store.dropAccessRule(list, subject)
    this.changed()
    return this.#fixed[list].includes(subject) ? 'in settings' : outcome
  }

  /** Every rule: those of the settings, then those of the store, bans first. Rejects when the store does. */
  async rules(): Promise<ListedAccessRule[]> {
    const kept = await this.#settings.store.accessRules()
    const lists = ['ban', 'allow'] as const
    const byTime = kept.sort((a, b) => a.at - b.at)
    return [
      ...lists.flatMap((list) =>
        this.#fixed[list].map((subject) => ({ list, subject, from: 'settings' as const })),
      ),
      ...lists.flatMap((list) =>
        byTime.filter((rule) => rule.list === list).map((rule) => ({ ...rule, from: 'store' as const })),
      ),
    ]
  }

  #isAllowed(sets: Sets, asker: Asker): boolean {
    return this.#settings.options.access.mode === 'open' || isIn(sets.allow, asker)
  }

  /** The rules as they are now, or the refusal where they cannot be read. */
  async #current(): Promise<Sets | Refusal> {
    if (this.#sets !== undefined && !this.#isStale) {
      const age = this.#settings.now() - this.#readAt
      if (age < 0 || age >= READ_AGAIN_SECONDS) this.#read().catch(() => undefined)
      return this.#sets
    }
    try {
      return await this.#read()
    } catch (error) {
      this.#settings.log.error({ err: error }, 'the store failed to say who is banned')
      return new Refusal('error', UNAVAILABLE)
    }
  }

  /** All who need the rules wait for one reading, unless they have changed since it began. */
  #read(): Promise<Sets> {
    const version = this.#version
    if (this.#reading?.version === version) return this.#reading.sets
    const sets = this.#readFrom(version).finally(() => {
      if (this.#reading?.sets === sets) this.#reading = undefined
    })
    this.#reading = { version, sets }
    return sets
  }

  async #readFrom(version: number): Promise<Sets> {
    const at = this.#settings.now()
    const rules = await this.#settings.store.accessRules()
    if (version !== this.#version) return this.#read()
    const setOf = (list: AccessList) =>
      new SubjectSet([
        ...this.#fixed[list],
        ...rules.filter((rule) => rule.list === list).map(({ subject }) => subject),
      ])
    const sets = { ban: setOf('ban'), allow: setOf('allow') }
    this.#sets = sets
    this.#readAt = at
    this.#isStale = false
    return sets
  }
}

function isIn(set: SubjectSet, { authenticated, networkAddress }: Asker): boolean {
  return [...authenticated].some((pubkey) => set.hasPubkey(pubkey)) || set.hasAddress(networkAddress)
}

const ALLOWED = 'a pubkey in hex or as npub, an IP address, or a network such as 203.0.113.0/24'

/** The subject in the one way in which it is compared. @throws SettingsError for one that is none */
export function requireSubject(text: string): string {
  const subject = readSubject(text)
  if (subject !== undefined) return subject
  throw new SettingsError([`${JSON.stringify(text)} is not allowed; expected ${ALLOWED}`])
}

/**
 * The subjects of the settings, each in the one way in which it is compared.
 * @throws SettingsError naming each entry that is none
 */
export function subjectsIn({
  ban,
  allow,
}: Options['access']): Readonly<Record<AccessList, readonly string[]>> {
  const entries = { ban, allow }
  const problems = (['ban', 'allow'] as const).flatMap((list) =>
    entries[list]
      .filter((text) => readSubject(text) === undefined)
      .map((text) => `access.${list}: ${JSON.stringify(text)} is not allowed; expected ${ALLOWED}`),
  )
  if (problems.length > 0) throw new SettingsError(problems)
  const subjects = (list: AccessList) => [
    ...new Set(entries[list].flatMap((text) => readSubject(text) ?? [])),
  ]
  return { ban: subjects('ban'), allow: subjects('allow') }
}
