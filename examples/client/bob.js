/** Bob writes to somebody he knows by name only, who need not be there. `node bob.js NPUB [RELAY]` */

import { generateKeyPackage } from 'keypackage-gateway/client'
import { decode } from 'nostr-tools/nip19'
import { wrapEvent } from 'nostr-tools/nip59'
import { groupId, openGroup, read, write } from './mls.js'
import { arrive, leave, waitFor } from './nostr.js'

const [npub, url = 'ws://127.0.0.1:7447'] = process.argv.slice(2)
if (npub === undefined) {
  console.error('Whom does Bob write to? node bob.js NPUB [RELAY]; alice.js says which NPUB.')
  process.exit(2)
}
const alice = decode(npub).data
const bob = await arrive(url)

const { by, relays } = await bob.client.discover(alice)
console.log(`Bob looks for Alice's key packages: ${by}, ${relays.join(', ') || 'so at the relay he uses'}`)
const answer = await bob.client.queryKeyPackages([alice], relays.length > 0 ? { relays } : {})
const [received] = answer.packages.get(alice) ?? []
if (received === undefined) {
  console.error('There is none for Bob.', answer)
  process.exit(1)
}
console.log(`Bob has one that nobody else gets: ${received.event.id.slice(0, 8)}...`)

const opened = await openGroup(await generateKeyPackage(bob), received.keyPackage)
const welcome = {
  kind: 444,
  content: opened.welcome,
  tags: [
    ['e', received.event.id],
    ['relays', url],
  ],
}
await bob.relay.publish(wrapEvent(welcome, bob.secretKey, alice))

const greeting = await write(opened.group, 'Hello Alice, you need not do a thing to be added.')
await bob.relay.publish(greeting.event)
console.log('Bob has added Alice to a group, and written to it.')

// What he wrote himself he cannot read any more, and so passes over.
const messages = { kinds: [445], '#h': [groupId(greeting.group)] }
const { words } = await waitFor(bob.relay, messages, (event) => read(greeting.group, event))
console.log(`Alice answers: ${words}`)
leave(bob)
