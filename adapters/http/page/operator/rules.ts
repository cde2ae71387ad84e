/** Who is banned, and who alone is allowed: reading the rules, and changing them by NIP-86. */

import { decode } from 'nostr-tools/nip19'
import { RequestError, request, sentence } from '../shared/requests.ts'
import type { Signer } from '../shared/signer.ts'

export interface Rule {
  readonly list: 'ban' | 'allow'
  /** A pubkey in hex, an address, or a network. */
  readonly subject: string
  readonly reason?: string
  /** Seconds since the epoch; absent for one of the settings. */
  readonly at?: number
  /** One of the settings cannot be removed here. */
  readonly from: 'settings' | 'store'
}

interface RpcAnswer {
  readonly result?: unknown
  readonly error?: string
}

const RPC = 'application/nostr+json+rpc'
const HEX_32 = /^[0-9a-f]{64}$/

/** By NIP-86, for pubkeys and for addresses; addresses are allowed in the settings alone. */
const METHODS = {
  pubkey: {
    ban: { add: 'banpubkey', remove: 'unbanpubkey' },
    allow: { add: 'allowpubkey', remove: 'unallowpubkey' },
  },
  address: { ban: { add: 'blockip', remove: 'unblockip' }, allow: undefined },
} as const

/** What somebody typed, as NIP-86 names it: an npub becomes hex. */
export function readSubject(typed: string): string {
  const text = typed.trim().toLowerCase()
  if (!text.startsWith('npub1')) return text
  try {
    const decoded = decode(text)
    if (decoded.type === 'npub') return decoded.data
  } catch {
    // Said below.
  }
  throw new Error('This npub has a typing mistake: its checksum is wrong.')
}

/** Whether NIP-86 has a method to remove a rule, and it does not come from the settings. */
export function canRemove({ list, subject, from }: Rule): boolean {
  return from === 'store' && METHODS[kindOf(subject)][list] !== undefined
}

/** Who signs a change, and for which URL: a relay behind believes those that are signed for the relay alone. */
export interface Admin {
  readonly signer: Signer
  readonly relayUrl: string | undefined
}

/** Rejects with what the server says. */
export function changeRule(
  admin: Admin,
  change: 'add' | 'remove',
  { list, subject, reason }: Pick<Rule, 'list' | 'subject' | 'reason'>,
): Promise<void> {
  const methods = METHODS[kindOf(subject)][list]
  if (methods === undefined)
    return Promise.reject(new Error('Addresses are allowed in the settings alone (access.allow).'))
  return call(admin, methods[change], [subject, ...(reason === undefined ? [] : [reason])])
}

async function call({ signer, relayUrl }: Admin, method: string, params: readonly string[]): Promise<void> {
  const json = { method, params }
  const settings = { method: 'POST', signer, signedUrl: relayUrl, json, type: RPC, accept: RPC }
  const answer = ((await request('./', settings)) ?? {}) as RpcAnswer
  if (answer.error !== undefined && answer.error !== '')
    throw new RequestError(sentence(answer.error.replace(/^[a-z-]+: /, '')))
}

function kindOf(subject: string): keyof typeof METHODS {
  return HEX_32.test(subject) ? 'pubkey' : 'address'
}
