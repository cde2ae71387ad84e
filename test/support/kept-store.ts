/**
 * Stores that earlier versions have written, kept in test/support/kept/ (its README says what is in them), and the questions that
 * every later version must answer as they did.
 */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Pubkey, SignedEvent } from '../../plugin/nostr/messages.ts'
import type {
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  KnownName,
  MovableStore,
  StockLimits,
  StoredKeyPackage,
} from '../../plugin/store.ts'
import { claimBy, HOUR, NOW, PLENTY } from '../contract/packages.ts'
import { storedPackages } from '../contract/reading.ts'
import { person } from './people.ts'

export const AUTHORS = {
  alice: person('alice').pubkey,
  bob: person('bob').pubkey,
  carol: person('carol').pubkey,
  dave: person('dave').pubkey,
  erin: person('erin').pubkey,
}

export const KEPT_LIMITS: StockLimits = {
  max: 10,
  overflow: 'reject',
  retireAfterSeconds: 600,
  publish: { max: 20, windowSeconds: HOUR },
}
const KEPT_POLICY: ClaimPolicy = {
  perAuthor: { max: 2, windowSeconds: HOUR },
  perAddress: PLENTY,
  keep: 0,
  redeliverySeconds: 600,
  retireAfterSeconds: 600,
  low: 0,
}
const ONE_TIME: Partial<Claim> = { narrowings: [{ kinds: [443] }] }
const SLOTS: Partial<Claim> = { narrowings: [{ kinds: [30443] }] }

type Packages = Readonly<Record<string, StoredKeyPackage>>

/** Packages and relay lists by name. */
interface Published {
  /** What the earlier version has stored at some time. */
  readonly stored: Packages
  /** What it has refused or never seen. */
  readonly later: Packages
  readonly relayLists: Readonly<Record<string, SignedEvent>>
}

export function keptFile(name: string): Buffer {
  return readFileSync(fileURLToPath(new URL(`kept/${name}`, import.meta.url)))
}

export function keptLines(name: string): string[] {
  return keptFile(name).toString().split('\n').slice(0, -1)
}

export function keptPublished(): Published {
  const of = <Value>(member: keyof Published | 'relayList'): Record<string, Value> =>
    Object.fromEntries(
      keptLines('published.jsonl')
        .map((line) => JSON.parse(line) as Record<string, Value>)
        .flatMap((each) => (each[member] === undefined ? [] : [[each.name, each[member]]])),
    )
  return { stored: of('stored'), later: of('later'), relayLists: of('relayList') }
}

/** Asks a store at `NOW` what it knows, in an order in which each answer depends on those before. */
export async function answersOf(
  store: MovableStore,
  published: Published,
): Promise<Readonly<Record<string, unknown>>> {
  const { alice, bob, carol, dave } = AUTHORS
  const { stored, relayLists } = published
  const packages: Packages = { ...stored, ...published.later }
  const pkg = (name: string): StoredKeyPackage => packages[name] ?? missing(name)
  const list = (name: string): SignedEvent => relayLists[name] ?? missing(name)
  const nameOf = (id: string) =>
    Object.keys(packages).find((name) => packages[name]?.id === id) ?? missing(id)
  const listed = async (author: Pubkey, now = NOW) => {
    const entries = (await storedPackages(store, author, now)).map(
      ({ exposure, receivedAt: _receivedAt, ...rest }): [string, unknown] => {
        const name = nameOf(rest.id)
        return [name, textOf(rest) === textOf(pkg(name)) ? (exposure ?? 'fresh') : rest]
      },
    )
    return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)))
  }
  const claimed = async (requester: string, author: Pubkey, overrides: Partial<Claim>) => {
    const [outcome] = await store.claim([claimBy(requester, author, overrides)], KEPT_POLICY, NOW)
    return outcome && shown(outcome, nameOf)
  }
  const put = (name: string, limits = KEPT_LIMITS, changes: Partial<StoredKeyPackage> = {}) =>
    store.put({ ...pkg(name), ...changes }, limits, NOW)

  return {
    stats: await store.stats(),
    counts: await store.count(Object.values(AUTHORS), NOW),
    listed: await inTurn(AUTHORS, (author) => listed(author)),
    afterTenMinutes: await listed(alice, NOW + 600),
    remembered: await inTurn(AUTHORS, async (author) => {
      const { names } = await store.remembered(author, NOW)
      return names.map((known) => words(known, packages)).sort()
    }),
    publishedAgain: await inTurn(stored, (_, name) => put(name)),
    copiesOfSpentKeyPackages: await inTurn(
      { 'alice 1': '', 'alice 3': '', 'alice phone 1': '', 'carol 1': '' },
      (_, name) =>
        put(name, KEPT_LIMITS, { id: '01'.repeat(32), ...('slot' in pkg(name) && { slot: 'elsewhere' }) }),
    ),
    beyondThePublishQuota: await put('erin 2', { ...KEPT_LIMITS, publish: { max: 2, windowSeconds: HOUR } }),
    redelivered: await claimed('xavier', alice, ONE_TIME),
    beyondTheQuotaOfAnAuthor: await claimed('xavier', alice, ONE_TIME),
    fresh: await claimed('zoe', alice, ONE_TIME),
    freshBeforeExposed: await claimed('zoe', bob, ONE_TIME),
    last: await claimed('zoe', dave, ONE_TIME),
    slots: await claimed('walter', alice, SLOTS),
    nothing: await claimed('walter', carol, {}),
    released: await store.release(alice, [pkg('alice 2').id], NOW).then(() => listed(alice)),
    newPackages: [await put('bob 3'), await put('bob 4')],
    swept: [await store.sweep(NOW, 600), await listed(bob)],
    hit: await store.hit('xavier', 5, { max: 10, windowSeconds: HOUR }, NOW),
    relayLists: (await store.getRelayLists([bob, carol, dave], [10051])).filter(Boolean),
    deletedRelayList: await store.putRelayList(list('carol'), NOW),
    sameRelayList: await store.putRelayList(list('dave'), NOW),
    statsInTheEnd: await store.stats(),
  }
}

async function inTurn<Value, Answer>(
  values: Readonly<Record<string, Value>>,
  ask: (value: Value, name: string) => Promise<Answer>,
): Promise<Record<string, Answer>> {
  const answers: Record<string, Answer> = {}
  for (const [name, value] of Object.entries(values)) answers[name] = await ask(value, name)
  return answers
}

function shown(outcome: ClaimOutcome, nameOf: (id: string) => string): unknown {
  if (outcome.outcome !== 'delivered') return outcome
  const { packages, sharedUsed } = outcome
  return { packages: packages.map(({ id }) => nameOf(id)).sort(), sharedUsed }
}

/** The same text for equal packages, whatever the order of their members. */
function textOf(pkg: StoredKeyPackage): string {
  return JSON.stringify(pkg, Object.keys(pkg).sort())
}

function words({ name, expiresAt }: KnownName, packages: Packages): string {
  const [found] = Object.entries(packages).filter(([, { id, ref }]) => id === name || ref === name)
  const what = found?.[1].id === name ? 'id' : 'ref'
  return `${what} of ${found?.[0] ?? missing(name)} until NOW + ${expiresAt - NOW}`
}

function missing(name: string): never {
  throw new Error(`there is no ${name}`)
}
