/** Alice publishes key packages, and waits for somebody to add her to a group. `node alice.js [RELAY]` */

import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createSlotId, generateKeyPackage } from 'keypackage-gateway/client'
import { npubEncode } from 'nostr-tools/nip19'
import { unwrapEvent } from 'nostr-tools/nip59'
import { groupId, join, read, write } from './mls.js'
import { connect, disconnect, waitFor } from './nostr.js'

const [url = 'ws://127.0.0.1:7447'] = process.argv.slice(2)
const alice = await connect(url)

/** The private keys of the published packages, by event id. Never send them anywhere. */
const stored = new Map()

/** Publishes new packages for one use each, or one for the slot. */
async function publish(count, slot) {
  const made = await Promise.all(Array.from({ length: count }, () => generateKeyPackage(alice)))
  const packages = made.map(({ publicPackage }) =>
    slot ? { keyPackage: publicPackage, slot } : publicPackage,
  )
  const publications = await alice.client.publishKeyPackages(packages)
  for (const [index, { event, outcome, relays }] of publications.entries()) {
    // Always: a relay that did not answer may hand the package out.
    stored.set(event.id, made[index])
    if (outcome !== 'accepted') console.log('Not published:', relays)
  }
}

await publish(10)
// For clients that know only slots. A real app keeps the slot's name beside the private keys.
const slot = createSlotId()
await publish(1, slot)
await alice.client.publishRelayList()
alice.client.onLowStock(async ({ kinds }) => {
  if (kinds.includes(443)) await publish(7)
  if (kinds.includes(30443)) await publish(1, slot)
})
console.log(`Alice has published ${stored.size} key packages. Now run Bob in another terminal:\n`)
const script = relative('.', fileURLToPath(new URL('bob.js', import.meta.url)))
console.log(`  node ${script} ${npubEncode(alice.pubkey)} ${url}\n`)

const invitations = { kinds: [1059], '#p': [alice.pubkey] }
const { used, group } = await waitFor(alice.relay, invitations, async (wrap) => {
  const { tags, content } = unwrapEvent(wrap, alice.secretKey)
  const [, id] = tags.find(([name]) => name === 'e')
  return { used: id, group: await join(content, stored.get(id)) }
})
console.log(`Somebody added Alice to a group, with her key package ${used.slice(0, 8)}...`)

// The package was used, so its keys are not needed any more, and it must not be published again.
stored.delete(used)
await alice.client.deleteKeyPackages([used])

const messages = { kinds: [445], '#h': [groupId(group)] }
const received = await waitFor(alice.relay, messages, (event) => read(group, event))
console.log(`Alice reads: ${received.text}`)

const answer = await write(received.group, 'Hello Bob.')
await alice.relay.publish(answer.event)
console.log('Alice writes: Hello Bob.')
disconnect(alice)
