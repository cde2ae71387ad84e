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
  return {
    secretKey,
    pubkey: getPublicKey(secretKey),
    client: new KeyPackageClient({ relays: [url], signer: new PlainKeySigner(secretKey), WebSocket }),
    relay: await Relay.connect(url),
  }
}

/** The first event that matches, whether it is there or still to come, but for one. */
export function waitFor(relay, filter, butFor) {
  return new Promise((resolve, reject) => {
    relay.subscribe([filter], {
      onevent: (event) => {
        if (event.id !== butFor) resolve(event)
      },
      onclose: (reason) => reject(new Error(reason)),
    })
  })
}

export function leave({ client, relay }) {
  client.close()
  relay.close()
}
