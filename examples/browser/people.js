/** Alice and Bob: how they sign, their clients, and where Alice's private keys are. */

import { KeyPackageClient } from 'keypackage-gateway/client'
import { npubEncode } from 'nostr-tools/nip19'
import { generateSecretKey } from 'nostr-tools/pure'
import { PlainKeySigner } from 'nostr-tools/signer'
import { bytesToHex, hexToBytes } from 'nostr-tools/utils'
import { openKeyPackages } from './key-packages.js'

/** You, with your NIP-07 extension if there is one. */
export async function signInAsAlice(relay) {
  const alice = window.nostr
    ? await person(window.nostr, 'your NIP-07 extension', relay)
    : await person(new PlainKeySigner(standIn('alice')), 'a stand-in key', relay)
  return { ...alice, keyPackages: await openKeyPackages(alice.pubkey) }
}

/** Somebody else. */
export function signInAsBob(relay) {
  return person(new PlainKeySigner(standIn('bob')), 'a stand-in key', relay)
}

async function person(signer, from, relay) {
  const pubkey = await signer.getPublicKey()
  const client = new KeyPackageClient({ relays: [relay], signer, name: 'keypackage-gateway example' })
  return { pubkey, signer, client, introduction: `${npubEncode(pubkey).slice(0, 16)}… (${from})` }
}

/** A key for people without an extension, the same after a reload. An app for real people never keeps keys like that. */
function standIn(name) {
  const known = localStorage.getItem(name)
  const secretKey = known ? hexToBytes(known) : generateSecretKey()
  localStorage.setItem(name, bytesToHex(secretKey))
  return secretKey
}
