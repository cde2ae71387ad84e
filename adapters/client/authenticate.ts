/** Proves to a relay who is asking (NIP-42), so that quotas count a pubkey and not an address shared with others. */

import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { EventTemplate, VerifiedEvent } from 'nostr-tools/core'
import { RELAY_LIST_KIND } from '../../plugin/lifecycle/relay-list.ts'
import { ask, type Patience } from './ask.ts'
import { within } from './time.ts'

export type Sign = (template: EventTemplate) => Promise<VerifiedEvent>

/** Waits until a relay that challenges whoever connects has done so: it answers a REQ after that, and not before. */
export async function awaitChallenge(
  relay: AbstractRelay,
  pubkey: string,
  patience: Patience,
): Promise<void> {
  await ask(relay, [{ kinds: [RELAY_LIST_KIND], authors: [pubkey], limit: 1 }], patience)
}

/** Resolves to whether the relay believes it. One that gave no challenge does not. */
export async function authenticate(relay: AbstractRelay, sign: Sign, patience: Patience): Promise<boolean> {
  // nostr-tools says nothing of a signer that fails, and waits for ever.
  const answered = new Promise((resolve, reject) => {
    const signOrFail: Sign = async (template) => {
      try {
        const event = await sign(template)
        if (!relay.connected) throw new Error('the connection is lost')
        return event
      } catch (error) {
        reject(error)
        throw error
      }
    }
    relay.auth(signOrFail).then(resolve, reject)
  })
  return within(patience.time, patience.patienceMs, 'no answer to AUTH', answered).then(
    () => true,
    () => {
      // nostr-tools would remember what came of it, and never sign again on this connection.
      Reflect.deleteProperty(relay, 'authPromise')
      return false
    },
  )
}
