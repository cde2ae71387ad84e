/** People for tests: the same name has the same Nostr keys in every run. */

import { createHash } from 'node:crypto'
import type { Pubkey } from '../../plugin/nostr/messages.ts'
import { notePerson } from './every-log.ts'
import { publicKeyOf } from './signing.ts'

export interface Person {
  readonly secretKey: Uint8Array
  readonly pubkey: Pubkey
}

export function person(name = 'alice'): Person {
  const secretKey = Uint8Array.from(createHash('sha256').update(name).digest())
  const person = { secretKey, pubkey: publicKeyOf(secretKey) }
  notePerson(name, person)
  return person
}
