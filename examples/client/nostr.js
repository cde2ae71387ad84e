/** Connects a new user with nostr-tools and keypackage-gateway/client, and waits for events. */

import { KeyPackageClient } from 'keypackage-gateway/client'
import { generateSecretKey, getPublicKey } from 'nostr-tools/pure'
import { Relay, useWebSocketImplementation } from 'nostr-tools/relay'
import { PlainKeySigner } from 'nostr-tools/signer'
import { WebSocket } from 'ws'

// Node.js 20 has no WebSocket.
useWebSocketImplementation(WebSocket)

/** A user with a new key, a client for key packages, and a connection for everything else. */
export async function connect(url) {
  const secretKey = generateSecretKey()
  const relay = await Relay.connect(url).catch(() => {
    throw new Error(`No relay at ${url}. README.md says how to start one.`)
  })
  const signer = new PlainKeySigner(secretKey)
  return {
    secretKey,
    pubkey: getPublicKey(secretKey),
    signer,
    client: new KeyPackageClient({ relays: [url], signer, WebSocket }),
    relay,
  }
}

/** Resolves to the result of `open` for the first matching event for which it does not fail: anybody may send anything. */
export function waitFor(relay, filter, open) {
  return new Promise((resolve, reject) => {
    const subscription = relay.subscribe([filter], {
      onevent: async (event) => {
        try {
          resolve(await open(event))
          subscription.close()
        } catch {
          // Not for this user, or not valid.
        }
      },
      onclose: (reason) => reject(new Error(reason)),
    })
  })
}

export function disconnect({ client, relay }) {
  client.close()
  relay.close()
}
