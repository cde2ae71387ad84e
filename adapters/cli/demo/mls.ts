/** The MLS part of the demo: adding a member to a group, and messages in it. */

import {
  type CiphersuiteImpl,
  type ClientState,
  createApplicationMessage,
  createCommit,
  createGroup,
  decodeMlsMessage,
  emptyPskIndex,
  encodeMlsMessage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  joinGroup,
  type MLSMessage,
  processPrivateMessage,
} from 'ts-mls'
import { type CompleteKeyPackage, readKeyPackage } from '../../client/mls.ts'

/** A message for the group, and the state of the sender's group after it. */
export interface Sent {
  readonly group: ClientState
  readonly message: Uint8Array
}

export function loadCiphersuite(): Promise<CiphersuiteImpl> {
  return getCiphersuiteImpl(getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'))
}

/** Creates a group and adds the owner of the key package; the message is their Welcome. */
export async function openGroupWith(
  keyPackageBytes: Uint8Array,
  own: CompleteKeyPackage,
  suite: CiphersuiteImpl,
): Promise<Sent> {
  const { keyPackage } = readKeyPackage(keyPackageBytes)
  const group = await createGroup(Buffer.from('demo'), own.publicPackage, own.privatePackage, [], suite)
  const commit = await createCommit(
    { state: group, cipherSuite: suite },
    { extraProposals: [{ proposalType: 'add', add: { keyPackage } }], ratchetTreeExtension: true },
  )
  if (commit.welcome === undefined) throw new Error('the commit has no Welcome')
  const message = { version: 'mls10', wireformat: 'mls_welcome', welcome: commit.welcome } as const
  return { group: commit.newState, message: encodeMlsMessage(message) }
}

/** Joins a group from a Welcome. */
export function joinFrom(
  message: Uint8Array,
  own: CompleteKeyPackage,
  suite: CiphersuiteImpl,
): Promise<ClientState> {
  const decoded = decode(message)
  if (decoded.wireformat !== 'mls_welcome') throw new Error('this is not a Welcome')
  return joinGroup(decoded.welcome, own.publicPackage, own.privatePackage, emptyPskIndex, suite)
}

export async function encrypt(group: ClientState, text: string, suite: CiphersuiteImpl): Promise<Sent> {
  const { newState, privateMessage } = await createApplicationMessage(group, Buffer.from(text), suite)
  const message = { version: 'mls10', wireformat: 'mls_private_message', privateMessage } as const
  return { group: newState, message: encodeMlsMessage(message) }
}

export async function decrypt(
  group: ClientState,
  message: Uint8Array,
  suite: CiphersuiteImpl,
): Promise<string> {
  const decoded = decode(message)
  if (decoded.wireformat !== 'mls_private_message') throw new Error('this is not a private message')
  const result = await processPrivateMessage(group, decoded.privateMessage, emptyPskIndex, suite)
  if (result.kind !== 'applicationMessage') throw new Error('this is not an application message')
  return Buffer.from(result.message).toString()
}

function decode(message: Uint8Array): MLSMessage {
  const [decoded] = decodeMlsMessage(message, 0) ?? []
  if (decoded === undefined) throw new Error('this is not an MLSMessage')
  return decoded
}
