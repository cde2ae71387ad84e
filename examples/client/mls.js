/** An MLS group of two with ts-mls, and its messages as Nostr events (kind 445, NIP-EE). */

import * as nip44 from 'nostr-tools/nip44'
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure'
import { bytesToHex } from 'nostr-tools/utils'
import {
  bytesToBase64,
  createApplicationMessage,
  createCommit,
  createGroup,
  decodeMlsMessage,
  emptyPskIndex,
  encodeMlsMessage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  joinGroup,
  mlsExporter,
  processPrivateMessage,
} from 'ts-mls'

const suite = await getCiphersuiteImpl(getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'))
const encoder = new TextEncoder()

/** Creates a group and adds a member. The Welcome can be decrypted with the private keys of the member's key package. */
export async function openGroup({ publicPackage, privatePackage }, keyPackage) {
  const id = crypto.getRandomValues(new Uint8Array(32))
  const state = await createGroup(id, publicPackage, privatePackage, [], suite)
  const proposal = { proposalType: 'add', add: { keyPackage } }
  const { newState, welcome } = await createCommit(
    { state, cipherSuite: suite },
    { extraProposals: [proposal], ratchetTreeExtension: true },
  )
  return { group: newState, welcome: encode({ wireformat: 'mls_welcome', welcome }) }
}

export function join(welcome, { publicPackage, privatePackage }) {
  return joinGroup(decode(welcome).welcome, publicPackage, privatePackage, emptyPskIndex, suite)
}

/** The `h` tag of the group's messages. */
export function groupId(group) {
  return bytesToHex(group.groupContext.groupId)
}

/** The event with a text for the group. It is signed with a new key, so that the relay does not learn who wrote it. */
export async function write(group, text) {
  const { newState, privateMessage } = await createApplicationMessage(group, encoder.encode(text), suite)
  const message = encode({ wireformat: 'mls_private_message', privateMessage })
  const event = finalizeEvent(
    {
      kind: 445,
      created_at: Math.floor(Date.now() / 1000),
      tags: [['h', groupId(group)]],
      content: nip44.encrypt(message, await groupKey(group)),
    },
    generateSecretKey(),
  )
  return { group: newState, event }
}

export async function read(group, event) {
  const { privateMessage } = decode(nip44.decrypt(event.content, await groupKey(group)))
  const { newState, message } = await processPrivateMessage(group, privateMessage, emptyPskIndex, suite)
  return { group: newState, text: new TextDecoder().decode(message) }
}

/** The NIP-44 key that all members derive from the group's current secret (NIP-EE). */
async function groupKey({ keySchedule }) {
  const secret = await mlsExporter(keySchedule.exporterSecret, 'nostr', encoder.encode('nostr'), 32, suite)
  return nip44.getConversationKey(secret, getPublicKey(secret))
}

function encode(content) {
  return bytesToBase64(encodeMlsMessage({ version: 'mls10', ...content }))
}

function decode(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  const [message] = decodeMlsMessage(bytes, 0) ?? []
  if (message === undefined) throw new Error('not an MLSMessage')
  return message
}
