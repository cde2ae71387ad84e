/** The argument AUTHOR, and the gateway that a command asks about an author. */

import { InvalidArgumentError } from 'commander'
import { readSubject } from '../../../plugin/access/subjects.ts'
import { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { MovableStore } from '../../../plugin/store.ts'
import type { Settings } from '../settings-schema.ts'

export const AUTHOR = 'a pubkey (hex or npub)'

/** @throws InvalidArgumentError, a usage error */
export function parseAuthor(text: string): Pubkey {
  const subject = readSubject(text)
  if (subject !== undefined && /^[0-9a-f]{64}$/.test(subject)) return subject
  const hint = /^n(event|ote|sec|profile|addr)1/.test(text) ? ` This is an ${text.split('1')[0]}.` : ''
  throw new InvalidArgumentError(`It must be ${AUTHOR}.${hint}`)
}

/**
 * A gateway for one command. It does not know `publicUrl`: a server on the store would take another one for a new address,
 * and sort all packages again.
 */
export function gatewayOn(store: MovableStore, { stock }: Pick<Settings, 'stock'>): KeyPackageGateway {
  return new KeyPackageGateway({ store, stock })
}
