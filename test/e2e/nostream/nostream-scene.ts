/** The set-up of tests on the real nostream: one backend, one nostream at a time, and its clients. */

import { afterAll, afterEach, beforeAll } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Client } from '../../support/client.ts'
import type { Person } from '../../support/people.ts'
import { newEvent, type Target } from '../behaviour/scene.ts'
import { NostreamBackend, NostreamRelay, type NostreamSettings } from './nostream-relay.ts'

export class NostreamScene implements Target {
  readonly #clients: Client[] = []
  #backend: NostreamBackend | undefined
  #nostream: NostreamRelay | undefined

  /** Create it in a `describe`, not in a test. */
  constructor() {
    beforeAll(async () => {
      this.#backend = await NostreamBackend.start()
    })
    afterEach(() => this.#leave())
    afterAll(() => this.#backend?.stop())
  }

  get backend(): NostreamBackend {
    if (this.#backend === undefined) throw new Error('the backend has not been started')
    return this.#backend
  }

  get nostream(): NostreamRelay {
    if (this.#nostream === undefined) throw new Error('nostream has not been started')
    return this.#nostream
  }

  get url(): string {
    return this.nostream.url
  }

  now(): number {
    return Math.floor(Date.now() / 1000)
  }

  /** Starts nostream; stops the one before. */
  async start(settings: NostreamSettings): Promise<void> {
    await this.stop()
    this.#nostream = await NostreamRelay.start(this.backend, settings)
  }

  async stop(): Promise<void> {
    await this.#leave()
    await this.#nostream?.stop()
    this.#nostream = undefined
  }

  async connect(as?: Person): Promise<Client> {
    const client = await Client.connect(this.url)
    this.#clients.push(client)
    if (as !== undefined) await client.authenticate(as, this.now())
    return client
  }

  /** This many connections, spread over all workers. */
  async connectToEach(workers: number, count: number): Promise<Client[]> {
    for (;;) {
      const connected = await Promise.all(Array.from({ length: count }, () => this.connect()))
      const theirs = new Set(connected.map((client) => this.nostream.workerOf(client)))
      if (theirs.size === workers) return connected
    }
  }

  /** New key packages, oldest first. */
  async publish(author: Person, count: number): Promise<SignedEvent[]> {
    const client = await this.connect()
    const events: SignedEvent[] = []
    for (let index = 0; index < count; index++) {
      const event = await newEvent(this, author, { createdAt: this.now() - 60 - count + index })
      const [accepted, message] = await client.publish(event)
      if (accepted !== true) throw new Error(`not published: ${message}`)
      events.push(event)
    }
    return events
  }

  async #leave(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()))
  }
}
