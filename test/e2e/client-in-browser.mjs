/** Runs in the browser of client-browser.test.ts: Alice publishes, Bob claims; returns what both saw. */

import { generateSecretKey, getPublicKey } from 'nostr-tools/pure'
import { PlainKeySigner } from 'nostr-tools/signer'
import { generateKeyPackage, getKeyPackage, KeyPackageClient } from '../../dist/adapters/client/index.js'

export async function run(relay) {
  const [aliceKey, bobKey] = [generateSecretKey(), generateSecretKey()]
  const connect = (key) => new KeyPackageClient({ relays: [relay], signer: new PlainKeySigner(key) })
  const [alice, bob] = [connect(aliceKey), connect(bobKey)]
  const pubkey = getPublicKey(aliceKey)

  const made = await Promise.all([1, 2, 3].map(() => generateKeyPackage({ pubkey })))
  const published = await alice.publishKeyPackages(made.map(({ publicPackage }) => publicPackage))
  await alice.publishRelayList()
  const discovery = await bob.discover(pubkey)
  const asked = new Promise((resolve) => alice.onLowStock(({ author }) => resolve(author === pubkey)))
  const { packages } = await bob.queryKeyPackages([pubkey])
  const [received] = packages.get(pubkey)
  return {
    platform: typeof process === 'undefined' && typeof Buffer === 'undefined' ? 'a browser' : 'not a browser',
    accepted: published.map(({ acceptedBy }) => acceptedBy.length),
    discovered: discovery.relays,
    isHers: published.some(({ ref }) => ref === received.ref),
    ciphersuite: getKeyPackage(received.event).cipherSuite,
    left: await alice.countKeyPackages(),
    isAskedForMore: await asked,
  }
}
