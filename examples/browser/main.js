/** The page: each button is one step of the story. */

import { generateKeyPackage, getKeyPackage } from 'keypackage-gateway/client'
import { join, openGroup, read, write } from '../client/mls.js'
import { signInAsAlice, signInAsBob } from './people.js'

/** Beside the slot, each used by one inviter. */
const ONE_TIME_PACKAGES = 3

const element = (id) => document.getElementById(id)
const relay = element('relay')
relay.value = new URLSearchParams(location.search).get('relay') ?? 'ws://127.0.0.1:7447'

let alice
let bob
/** What Bob has sent to Alice: an app sends the Welcome in a gift wrap (NIP-59), as examples/client does. */
let invitation

relay.addEventListener('change', () => {
  for (const person of [alice, bob]) person?.client.close()
  alice = bob = undefined
})

step('publish', async () => {
  alice ??= await signInAsAlice(relay.value)
  element('alice-key').textContent = alice.introduction

  const packages = []
  for (let made = 0; made < ONE_TIME_PACKAGES; made++) packages.push(await makeKeyPackage())
  packages.push({ keyPackage: await makeKeyPackage(), slot: await alice.keyPackages.slot() })
  for (const { outcome, relays } of await alice.client.publishKeyPackages(packages)) {
    if (outcome !== 'accepted') throw new Error(`${relays[0].relay} answers: ${relays[0].message}`)
  }
  relay.readOnly = true
  await alice.client.publishRelayList()
  const [stock] = await alice.client.countKeyPackages()
  say(`Alice has published ${ONE_TIME_PACKAGES} key packages for one use each, and one in her slot.`)
  if (stock.outcome === 'counted') say(`The relay has ${stock.count} of hers.`)
  element('invite').disabled = false
})

step('invite', async () => {
  bob ??= await signInAsBob(relay.value)
  element('bob-key').textContent = bob.introduction

  const { results } = await bob.client.queryKeyPackages([alice.pubkey])
  const [result] = results
  if (result.outcome === 'limited') throw new Error(`Bob has to wait ${result.retryAfterSeconds} s.`)
  if (result.outcome !== 'delivered') throw new Error(result.reason ?? 'Alice has no key packages.')
  const [received] = result.packages
  const which = received.event.kind === 443 ? 'for one use' : 'of the slot'
  say(`Bob has claimed a key package ${which}: ${received.ref.slice(0, 8)}…`)

  const opened = await openGroup(await generateKeyPackage(bob), getKeyPackage(received.event))
  const { event } = await write(opened.group, element('text').value)
  invitation = { ref: received.ref, event: received.event, welcome: opened.welcome, message: event }
  say('Bob has added Alice to a group, and written to her.')
  element('join').disabled = false
})

step('join', async () => {
  const own = await alice.keyPackages.find(invitation.ref)
  const { text } = await read(await join(invitation.welcome, own), invitation.message)
  element('alice-reads').textContent = text
  element('alice-reads').hidden = false
  say('Alice has joined with the private keys from her browser, and reads the message.')

  // A one-time package is used up now. The one in the slot stays until Alice publishes the next one.
  if (invitation.event.kind === 443) {
    await alice.client.deleteKeyPackages([invitation.event])
    await alice.keyPackages.forget(invitation.ref)
    say('She has deleted the private keys that were used.')
  }
  element('join').disabled = true
})

/** The private keys are stored before the package goes anywhere. */
async function makeKeyPackage() {
  const own = await generateKeyPackage({ pubkey: alice.pubkey, signer: alice.signer })
  await alice.keyPackages.keep(own)
  return own.publicPackage
}

/** Runs `act` when the button is pressed, one at a time, and shows what went wrong. */
function step(id, act) {
  const button = element(id)
  button.addEventListener('click', async () => {
    if (button.ariaBusy === 'true' || !relay.reportValidity()) return
    button.ariaBusy = 'true'
    element('error').textContent = ''
    try {
      await act()
    } catch (error) {
      element('error').textContent = error instanceof Error ? error.message : String(error)
    }
    button.ariaBusy = 'false'
  })
}

function say(text) {
  const item = document.createElement('li')
  item.textContent = text
  element('log').append(item)
}
