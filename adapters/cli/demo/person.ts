/** Somebody in the demo: a Nostr key, and an ordinary client for key packages. */

import { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { Filter } from 'nostr-tools/filter'
import { generateSecretKey, getPublicKey, verifyEvent } from 'nostr-tools/pure'
import { PlainKeySigner } from 'nostr-tools/signer'
import { WebSocket } from 'ws'
import { ask, type Reply } from '../../client/ask.ts'
import { KeyPackageClient } from '../../client/client.ts'
import { systemTime } from '../../client/time.ts'
import { sturdyWebSocket } from '../../client/web-socket.ts'

export interface Person {
  readonly name: string
  readonly pubkey: string
  readonly client: KeyPackageClient
}

export function arrive(name: string, url: string): Person {
  const secretKey = generateSecretKey()
  const signer = new PlainKeySigner(secretKey)
  const client = new KeyPackageClient({ relays: [url], signer, WebSocket })
  return { name, pubkey: getPublicKey(secretKey), client }
}

/** What a relay answers to somebody who has no client for key packages. */
export async function askPlainly(url: string, filter: Filter): Promise<Reply> {
  const relay = new AbstractRelay(url, { verifyEvent, websocketImplementation: sturdyWebSocket(WebSocket) })
  relay.onnotice = () => undefined
  await relay.connect()
  const reply = await ask(relay, [filter], { time: systemTime, patienceMs: 10_000 })
  relay.close()
  return reply
}
