/** A member of an MLS group, by ts-mls: opens one, adds others, joins, writes and reads. */

import {
  type CiphersuiteImpl,
  type ClientState,
  createApplicationMessage,
  createCommit,
  createGroup,
  emptyPskIndex,
  joinGroup,
  type KeyPackage,
  type MLSMessage,
  processPrivateMessage,
  type Welcome,
} from 'ts-mls'
import type { CompleteKeyPackage } from '../../adapters/client/mls.ts'
import { ciphersuiteImpl } from './key-packages.ts'

/** The ciphersuite of all packages in the tests. */
export const suite: CiphersuiteImpl = await ciphersuiteImpl(1)

export interface Addition {
  readonly welcome: Welcome
  /** For those who are members already. */
  readonly commit: MLSMessage
}

export class GroupMember {
  #state: ClientState

  private constructor(state: ClientState) {
    this.#state = state
  }

  static async open({ publicPackage, privatePackage }: CompleteKeyPackage): Promise<GroupMember> {
    const id = new TextEncoder().encode('group')
    return new GroupMember(await createGroup(id, publicPackage, privatePackage, [], suite))
  }

  /** Rejects if the Welcome is for another key package. */
  static async join(
    welcome: Welcome,
    { publicPackage, privatePackage }: CompleteKeyPackage,
  ): Promise<GroupMember> {
    return new GroupMember(await joinGroup(welcome, publicPackage, privatePackage, emptyPskIndex, suite))
  }

  /** Checks the signatures of the key packages as it adds them. */
  async add(keyPackages: readonly KeyPackage[]): Promise<Addition> {
    const { newState, welcome, commit } = await createCommit(
      { state: this.#state, cipherSuite: suite },
      {
        extraProposals: keyPackages.map((keyPackage) => ({ proposalType: 'add', add: { keyPackage } })),
        ratchetTreeExtension: true,
      },
    )
    if (welcome === undefined) throw new Error('nobody was added')
    this.#state = newState
    return { welcome, commit }
  }

  async say(text: string): Promise<MLSMessage> {
    const message = new TextEncoder().encode(text)
    const { newState, privateMessage } = await createApplicationMessage(this.#state, message, suite)
    this.#state = newState
    return { version: 'mls10', wireformat: 'mls_private_message', privateMessage }
  }

  /** The text of a message; nothing for a commit, which is applied. */
  async read(message: MLSMessage): Promise<string> {
    if (message.wireformat !== 'mls_private_message') throw new Error(`this is a ${message.wireformat}`)
    const result = await processPrivateMessage(this.#state, message.privateMessage, emptyPskIndex, suite)
    this.#state = result.newState
    return result.kind === 'applicationMessage' ? new TextDecoder().decode(result.message) : ''
  }
}
