/** Bob adds somebody to a group who need not be online, and writes to them. `node bob.js NPUB [RELAY]` */

import { generateKeyPackage, getKeyPackage } from 'keypackage-gateway/client'
import { decode } from 'nostr-tools/nip19'
import { wrapEvent } from 'nostr-tools/nip59'
import { groupId, openGroup, read, write } from './mls.js'
import { connect, disconnect, waitFor } from './nostr.js'

const [npub, url = 'ws://127.0.0.1:7447'] = process.argv.slice(2)
if (npub === undefined) {
  console.error('Usage: node bob.js NPUB [RELAY]. alice.js prints the NPUB.')
  process.exit(2)
}
const alice = decode(npub).data
const bob = await connect(url)

const { relays } = await bob.client.discover(alice)
console.log(`Where Alice's key packages are: ${relays.join(', ') || 'unknown, so Bob asks his own relay'}`)
const answer = await bob.client.queryKeyPackages([alice], relays.length > 0 ? { relays } : {})
const [result] = answer.results
if (result.outcome !== 'delivered') {
  console.error('There is no key package for Bob.', answer)
  process.exit(1)
}
const [received] = result.packages
console.log(`Bob has claimed a key package: ${received.event.id.slice(0, 8)}...`)

const opened = await openGroup(await generateKeyPackage(bob), getKeyPackage(received.event))
const welcome = {
  kind: 444,
  content: opened.welcome,
  tags: [
    ['e', received.event.id],
    ['relays', url],
  ],
}
await bob.relay.publish(wrapEvent(welcome, bob.secretKey, alice))

const greeting = await write(opened.group, 'Hello Alice, you did not have to be online for this.')
await bob.relay.publish(greeting.event)
console.log('Bob has added Alice to a group, and written a message.')

// Bob cannot decrypt his own message, so it is skipped.
const messages = { kinds: [445], '#h': [groupId(greeting.group)] }
const { text } = await waitFor(bob.relay, messages, (event) => read(greeting.group, event))
console.log(`Bob reads: ${text}`)
disconnect(bob)
