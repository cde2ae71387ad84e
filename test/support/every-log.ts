/**
 * What gateways and servers log in tests. When a test file has ended, `environment.mjs` has every line searched for what no log
 * may name (I4): people and their keys, whoever they are. Which of them may ask or be asked for is not a question then.
 */

import { npubEncode, nsecEncode } from 'nostr-tools/nip19'
import type { Person } from './people.ts'

declare global {
  /** Says what is wrong with the lines so far; absent where nothing was logged, or nobody was made. */
  var searchLogs: (() => string[]) | undefined
}

/** Changes that an admin makes are logged with who made them, and whom they concern. */
const BY_ADMINS = [
  'changed by an admin',
  'passed on to the relay for an admin',
  'failed to carry out a NIP-86 request',
]

const lines = new Set<string>()
const people = new Map<string, Person>()

/** Keeps a line of a log. */
export function noteLogged(line: string): void {
  globalThis.searchLogs = search
  lines.add(line)
}

/** Keeps in mind whom no line may name. */
export function notePerson(name: string, person: Person): void {
  people.set(name, person)
}

/** How a person may be written, and what that is. */
function namesOf([name, { pubkey, secretKey }]: readonly [string, Person]): (readonly [string, string])[] {
  return [
    [pubkey, `the pubkey of ${name}`],
    [npubEncode(pubkey), `the npub of ${name}`],
    [Buffer.from(secretKey).toString('hex'), `the secret key of ${name}`],
    [nsecEncode(secretKey), `the nsec of ${name}`],
  ]
}

function search(): string[] {
  const searched = [...lines].filter((line) => !BY_ADMINS.some((what) => line.includes(what)))
  const text = searched.join('\n')
  return [...people]
    .flatMap(namesOf)
    .flatMap(([key, what]) =>
      text.includes(key) ? [`a log names ${what}: ${searched.find((line) => line.includes(key))}`] : [],
    )
}
