/** Every kind of question by which a stranger could try to learn something of an author's key packages, without a claim. */

import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../../support/key-packages.ts'
import type { Person } from '../../support/people.ts'
import { ASKED_AFTER, known, stranger } from './authors.ts'

type Message = readonly [verb: string, ...rest: unknown[]]
type Ask = (about: Person) => readonly Message[]

const FUTURE = NOW + 10 * ASKED_AFTER
const NOBODY = '0'.repeat(64)
const REF = known.oneTime.tags.find(([name]) => name === 'i')?.[1] ?? NOBODY

const req = (...filters: readonly object[]): Message => ['REQ', 's', ...filters]

/** With each of these besides the authors, a REQ matches nothing. */
const NARROWINGS: Readonly<Record<string, object>> = {
  '`limit` 0': { limit: 0 },
  '`since` in the future': { since: FUTURE },
  '`until` long ago': { until: 1 },
  'unknown `ids`': { ids: [NOBODY] },
  'an unknown `#i`': { '#i': [NOBODY] },
  'an unknown `#d`': { '#d': ['nowhere'] },
  'an unknown `#p`': { '#p': [NOBODY] },
}

const KINDS: Readonly<Record<string, readonly number[]>> = {
  'kind 443': [443],
  'kind 30443': [30443],
  'both kinds': [443, 30443],
  'kind 443 and others': [443, 1, 10051],
}

/** Filters that match no package, whatever the author has. */
export const NARROWED: readonly [what: string, filter: (about: Person) => object][] = Object.entries(
  KINDS,
).flatMap(([kind, kinds]) =>
  Object.entries(NARROWINGS).map(([narrowing, more]): [string, (about: Person) => object] => [
    `${kind} with ${narrowing}`,
    ({ pubkey }) => ({ kinds, authors: [pubkey], ...more }),
  ]),
)

const browsing: readonly [string, object][] = [
  ['of everybody', { kinds: [443] }],
  ['by id', { kinds: [443], ids: [known.oneTime.id] }],
  ['by `#i`', { kinds: [443, 30443], '#i': [REF] }],
  ['by `#d`', { kinds: [30443], '#d': ['phone'] }],
]

const kindless: readonly [string, (about: Person) => object][] = [
  ['of the author', ({ pubkey }) => ({ authors: [pubkey] })],
  ['by id', () => ({ ids: [known.oneTime.id, known.slot.id] })],
  ['of the author by id', ({ pubkey }) => ({ ids: [known.oneTime.id], authors: [pubkey] })],
  ['by `#i`', () => ({ '#i': [REF] })],
  ['of the author with `limit` 1', ({ pubkey }) => ({ authors: [pubkey], limit: 1 })],
]

const countable: readonly [string, (about: Person) => object][] = [
  ['of the author', ({ pubkey }) => ({ kinds: [443], authors: [pubkey] })],
  ['of slots', ({ pubkey }) => ({ kinds: [30443], authors: [pubkey] })],
  ['of the author and other kinds', ({ pubkey }) => ({ kinds: [443, 1], authors: [pubkey] })],
  ['of kind 443 and 65,536 more', ({ pubkey }) => ({ kinds: [65_979], authors: [pubkey] })],
  ...browsing.map(([what, filter]): [string, () => object] => [what, () => filter]),
  ...kindless.map(([what, filter]): [string, (about: Person) => object] => [`without kinds ${what}`, filter]),
]

/** An event of the stranger's. */
function own(kind: number, tags: string[][]): SignedEvent {
  return signEvent(stranger.secretKey, { kind, created_at: NOW + ASKED_AFTER, tags, content: '' })
}

const forgedPackage = keyPackageEvent(stranger, await makeKeyPackage(stranger), { createdAt: NOW })
const published: readonly [string, (about: Person) => SignedEvent][] = [
  ['a key package signed by another', ({ pubkey }) => ({ ...forgedPackage, pubkey })],
  ['a key package with the tag of the author', ({ pubkey }) => own(443, [['p', pubkey]])],
  [
    'a deletion of ids of another',
    () =>
      own(5, [
        ['e', known.oneTime.id],
        ['k', '443'],
      ]),
  ],
  ['a deletion of a slot of another', ({ pubkey }) => own(5, [['a', `30443:${pubkey}:phone`]])],
  ['a request to vanish', () => own(62, [['relay', 'ALL_RELAYS']])],
  ['a welcome for a package not claimed', () => own(444, [['e', known.oneTime.id]])],
  ['kind 447', ({ pubkey }) => own(447, [['p', pubkey]])],
  [
    'a reaction to a package',
    ({ pubkey }) =>
      own(7, [
        ['e', known.oneTime.id],
        ['p', pubkey],
      ]),
  ],
]

const messages: readonly [string, Ask][] = [
  ['a REQ in lower case', ({ pubkey }) => [['req', 's', { kinds: [443], authors: [pubkey] }]]],
  ['a REQ without a valid id', ({ pubkey }) => [['REQ', 7, { kinds: [443], authors: [pubkey] }]]],
  ['a REQ with an invalid filter', ({ pubkey }) => [req({ kinds: ['443'], authors: [pubkey] })]],
  ['a REQ with too many authors', ({ pubkey }) => [req({ kinds: [443], authors: [pubkey, ...crowd()] })]],
  [
    'a REQ of the low-stock signal',
    ({ pubkey }) => [['REQ', 'keypackages:low', { kinds: [443], authors: [pubkey], limit: 0 }]],
  ],
  ['a REQ for relay lists', ({ pubkey }) => [req({ kinds: [10002, 10050, 10051], authors: [pubkey] })]],
  ['a REQ for follow and mute lists', ({ pubkey }) => [req({ kinds: [3, 10000, 30000], authors: [pubkey] })]],
  ['a CLOSE of the low-stock signal', () => [['CLOSE', 'keypackages:low']]],
  [
    'the words of a relay',
    ({ pubkey }) => [
      ['EOSE', 's'],
      ['OK', known.oneTime.id, true, ''],
      ['CLOSED', 's', pubkey],
    ],
  ],
]

/** More authors than one REQ may name. */
function crowd(): string[] {
  return Array.from({ length: 500 }, (_, index) => index.toString(16).padStart(64, '0'))
}

export const QUESTIONS: readonly [name: string, ask: Ask][] = [
  ...NARROWED.map(([what, filter]): [string, Ask] => [`a REQ for ${what}`, (about) => [req(filter(about))]]),
  ...browsing.map(([what, filter]): [string, Ask] => [`a REQ ${what}`, () => [req(filter)]]),
  ...kindless.map(([what, filter]): [string, Ask] => [
    `a REQ without kinds ${what}`,
    (about) => [req(filter(about))],
  ]),
  ...countable.map(([what, filter]): [string, Ask] => [
    `a COUNT ${what}`,
    (about) => [['COUNT', 's', filter(about)]],
  ]),
  ...countable.map(([what, filter]): [string, Ask] => [
    `a NEG-OPEN ${what}`,
    (about) => [['NEG-OPEN', 's', filter(about), '6100']],
  ]),
  ...published.map(([what, event]): [string, Ask] => [what, (about) => [['EVENT', event(about)]]]),
  ...messages,
]
