/**
 * Plays somebody who makes up authors as fast as they can, from a number of addresses: a real gateway and a real store, in
 * virtual time. It says what the store has grown by.
 */

import { createHash } from 'node:crypto'
import { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { GatewayMessage, SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'

/** What is published of each author who is made up. */
export type What = 'key packages' | 'relay lists' | 'deletions'

export interface Attack {
  readonly what: What
  readonly addresses: number
  readonly hours: number
  /** How many ids each deletion names. */
  readonly ids?: number
  readonly options?: OptionsInput
}

/** What became of it. */
export interface Growth {
  /** Authors of whom something was taken in. */
  readonly authors: number
  /** How often the gateway refused. */
  readonly refused: number
  /** The first reason of each kind of refusal, without its numbers. */
  readonly reasons: readonly string[]
}

const START = 1_700_000_000
/** As long as a key package of today's clients. */
const PACKAGE_BYTES = 400
/** Of the JSON of a relay list, as many characters as are kept. */
const LIST_CHARACTERS = 4096
const LIST_KINDS = [10002, 10050, 10051]
/** An address that was refused asks again after so long: nothing has room earlier than that but by chance. */
const PAUSE_SECONDS = 60

export class GrowthSimulation {
  readonly #store: KeyPackageStore
  readonly #gateway: KeyPackageGateway
  #now = START
  #authors = 0

  /** Signatures and the MLS content of packages are not what this is about, so they are made up too. */
  constructor(store: KeyPackageStore, options: OptionsInput = {}) {
    this.#store = store
    this.#gateway = new KeyPackageGateway({
      ...options,
      validation: { ...options.validation, mls: 'off' },
      store,
      clock: () => this.#now * 1000,
      verifyEvent: () => true,
    })
  }

  /** Every minute each address publishes of new authors until it is refused; every hour there is a sweep. */
  async attack({ what, addresses, hours, ids = 20 }: Attack): Promise<Growth> {
    const clients = Array.from({ length: addresses }, (_, index) =>
      this.#connect(`10.0.${index >> 8}.${index & 255}`),
    )
    const before = this.#authors
    const reasons = new Set<string>()
    let refused = 0
    const end = this.#now + hours * 3600
    for (; this.#now < end; this.#now += PAUSE_SECONDS) {
      const said = await Promise.all(clients.map((publish) => this.#publishUntilRefused(publish, what, ids)))
      for (const reason of said) reasons.add(reason.replace(/\d+/g, 'N'))
      refused += said.length
      if ((this.#now - START) % 3600 === 0) await this.sweep()
    }
    return { authors: this.#authors - before, refused, reasons: [...reasons] }
  }

  /** What somebody else at an address of their own is told of their first key package. */
  async publishFrom(address: string): Promise<string> {
    const [said = ''] = await this.#publish(this.#connect(address), 'key packages', 0)
    return said
  }

  /** Lets days pass, with a sweep at the end of each. */
  async wait(days: number): Promise<void> {
    for (let day = 0; day < days; day++) {
      this.#now += 86_400
      await this.sweep()
    }
  }

  sweep(): Promise<number> {
    return this.#gateway.sweep()
  }

  /** How many authors the store keeps anything of. */
  count(): Promise<number> {
    return this.#store.countAuthors()
  }

  close(): void {
    this.#gateway.close()
  }

  /** Publishes of new authors; resolves to why it was refused. */
  async #publishUntilRefused(publish: Publish, what: What, ids: number): Promise<string> {
    for (;;) {
      const refusals = (await this.#publish(publish, what, ids)).filter((said) => said !== '')
      if (refusals[0] !== undefined) return refusals[0]
      this.#authors += 1
    }
  }

  /** All that one new author publishes at once; what each OK says. */
  async #publish(publish: Publish, what: What, ids: number): Promise<string[]> {
    const author = hex(`author ${this.#drawn++}`)
    const said: string[] = []
    for (const event of eventsOf(author, what, ids, this.#now)) said.push(await publish(event))
    return said
  }

  #drawn = 0

  #connect(address: string): Publish {
    const session = this.#gateway.session({ address, relayLists: 'kept', send: () => {} })
    return async (event) => {
      const { replies, forward } = await session.fromClient(['EVENT', event])
      if (forward !== undefined) return ''
      const [ok] = replies as readonly GatewayMessage[]
      return String(ok?.[3])
    }
  }
}

/** Resolves to what the OK says; nothing if the event was accepted. */
type Publish = (event: SignedEvent) => Promise<string>

function eventsOf(author: string, what: What, ids: number, now: number): SignedEvent[] {
  switch (what) {
    case 'key packages':
      return [keyPackage(author, now)]
    case 'relay lists':
      return LIST_KINDS.map((kind) => relayList(author, kind, now))
    case 'deletions': {
      const named = Array.from({ length: ids }, (_, index) => ['e', hex(`${author} ${index}`)])
      return [eventOf(author, 5, now, [['k', '443'], ...named], '')]
    }
  }
}

function keyPackage(author: string, now: number): SignedEvent {
  const bytes = Buffer.alloc(PACKAGE_BYTES, Buffer.from(hex(`package of ${author}`), 'hex'))
  const tags = [
    ['mls_protocol_version', '1.0'],
    ['mls_ciphersuite', '0x0001'],
    ['encoding', 'base64'],
  ]
  return eventOf(author, 443, now, tags, bytes.toString('base64'))
}

function relayList(author: string, kind: number, now: number): SignedEvent {
  const tag = [kind === 10002 ? 'r' : 'relay', 'wss://relay.example/']
  const short = eventOf(author, kind, now, [tag], '')
  const content = 'x'.repeat(LIST_CHARACTERS - JSON.stringify(short).length)
  return { ...short, content }
}

function eventOf(
  pubkey: string,
  kind: number,
  created_at: number,
  tags: string[][],
  content: string,
): SignedEvent {
  const id = hex(JSON.stringify([pubkey, created_at, kind, tags, content]))
  return { id, pubkey, created_at, kind, tags, content, sig: '00'.repeat(64) }
}

function hex(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
