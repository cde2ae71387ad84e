/** Whom a terminal speaks for, and how it waits for an event: nostr-tools, and the gateway's client. */

import { KeyPackageClient } from 'keypackage-gateway/client'
import { generateSecretKey, getPublicKey } from 'nostr-tools/pure'
import { Relay, useWebSocketImplementation } from 'nostr-tools/relay'
import { PlainKeySigner } from 'nostr-tools/signer'
import { WebSocket } from 'ws'

// Node.js 20 has no WebSocket of its own.
useWebSocketImplementation(WebSocket)

/** Somebody new, with a client for key packages, and a connection for everything else. */
export async function arrive(url) {
  const secretKey = generateSecretKey()
  const relay = await Relay.connect(url).catch(() => {
    throw new Error(`Nobody answers at ${url}; README.md says how to start a relay.`)
  })
  return {
    secretKey,
    pubkey: getPublicKey(secretKey),
    client: new KeyPackageClient({ relays: [url], signer: new PlainKeySigner(secretKey), WebSocket }),
    relay,
  }
}

/** What `open` makes of the first event that matches and that it can open: anybody may send anything. */
export function waitFor(relay, filter, open) {
  return new Promise((resolve, reject) => {
    const subscription = relay.subscribe([filter], {
      onevent: async (event) => {
        try {
          resolve(await open(event))
          subscription.close()
        } catch {
          // It is not for us, or not what it says.
        }
      },
      onclose: (reason) => reject(new Error(reason)),
    })
  })
}

export function leave({ client, relay }) {
  client.close()
  relay.close()
}
