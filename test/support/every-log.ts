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

/** Changes that an admin makes are logged with who made them and whom they concern; and the audit log, where it is a part of the log, has authors. */
const NAMING = [
  'changed by an admin',
  'passed on to the relay for an admin',
  'failed to carry out a NIP-86 request',
  '"msg":"audit"',
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

function search(): string[] {
  const all = [...lines]
  const others = all.filter((line) => !NAMING.some((what) => line.includes(what)))
  return [...people].flatMap(([name, { pubkey, secretKey }]) => [
    ...linesWith(others, `the pubkey of ${name}`, [pubkey, npubEncode(pubkey)]),
    ...linesWith(all, `the secret key of ${name}`, [
      Buffer.from(secretKey).toString('hex'),
      nsecEncode(secretKey),
    ]),
  ])
}

function linesWith(searched: readonly string[], what: string, forms: readonly string[]): string[] {
  const found = searched.find((line) => forms.some((form) => line.includes(form)))
  return found === undefined ? [] : [`a log names ${what}: ${found}`]
}
