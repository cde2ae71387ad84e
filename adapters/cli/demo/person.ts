/** Somebody in the demo: a Nostr key, and an ordinary client for key packages. */

import { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { Filter } from 'nostr-tools/filter'
import { generateSecretKey, getPublicKey, verifyEvent } from 'nostr-tools/pure'
import { PlainKeySigner } from 'nostr-tools/signer'
import { WebSocket } from 'ws'
import { KeyPackageClient } from '../../client/client.ts'
import { type Reply, requestEvents } from '../../client/request.ts'
import { systemTime } from '../../client/time.ts'
import { safeWebSocket } from '../../client/web-socket.ts'

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
  const relay = new AbstractRelay(url, { verifyEvent, websocketImplementation: safeWebSocket(WebSocket) })
  relay.onnotice = () => undefined
  await relay.connect()
  const reply = await requestEvents(relay, [filter], { time: systemTime, timeoutMs: 10_000 })
  relay.close()
  return reply
}
