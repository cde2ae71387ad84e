/** Runs in the browser of client-browser.test.ts: Alice publishes, Bob claims; returns what both saw. */

import { generateSecretKey, getPublicKey } from 'nostr-tools/pure'
import { PlainKeySigner } from 'nostr-tools/signer'
import { generateKeyPackage, getKeyPackage, KeyPackageClient } from '../../dist/adapters/client/index.js'
import { openKeyPackages } from '../../examples/browser/key-packages.js'

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
  const { results } = await bob.queryKeyPackages([pubkey])
  const [received] = results[0].packages
  return {
    platform: typeof process === 'undefined' && typeof Buffer === 'undefined' ? 'a browser' : 'not a browser',
    published: published.map(({ outcome }) => outcome),
    discovered: discovery.relays,
    isHers: published.some(({ ref }) => ref === received.ref),
    ciphersuite: getKeyPackage(received.event).cipherSuite,
    left: await alice.countKeyPackages(),
    isAskedForMore: await asked,
  }
}

/** Keeps a package, comes back as after a restart, and joins with what was read back. */
export async function store() {
  const pubkey = getPublicKey(generateSecretKey())
  const own = await generateKeyPackage({ pubkey })
  const before = await openKeyPackages(pubkey)
  const [ref, slot] = [await before.keep(own), await before.slot()]
  before.close()

  const after = await openKeyPackages(pubkey)
  const restored = await after.find(ref)
  const isSame = (name) => restored.privatePackage[name].toString() === own.privatePackage[name].toString()
  const seen = {
    isSameSlot: (await after.slot()) === slot,
    isSamePackage: restored.publicPackage.signature.toString() === own.publicPackage.signature.toString(),
    areSameKeys: ['initPrivateKey', 'hpkePrivateKey', 'signaturePrivateKey'].every(isSame),
    isOthersSlot: (await (await openKeyPackages('somebody else')).slot()) === slot,
  }
  await after.forget(ref)
  return { ...seen, forgotten: (await after.find(ref)) === undefined }
}
