/** The other workers, as a worker knows them: the primary process counts for all, and passes on what they tell each other. */

import type { Channel } from '../../../plugin/siblings.ts'
import type { Admission, Place, ServerSiblings } from '../../relays/server/connection-limits.ts'
import type { Ipc } from './ipc.ts'
import type { News, PlaceQuestion } from './topics.ts'

export function otherWorkers(ipc: Ipc): ServerSiblings {
  const places = new AskedPlaces(ipc)
  const channels = new Channels(ipc)
  return {
    quota: (name, quota) => ({ take: (key, now) => ipc.ask('quota', { name, quota, key, now }) }),
    channel: (name) => channels.named(name),
    places: (name, { maxConnections, maxConnectionsPerAddress }) => {
      // They may be getters, which JSON would leave out.
      const limits = { maxConnections, maxConnectionsPerAddress }
      return { admit: (address) => places.admit({ name, limits, address }) }
    },
  }
}

class AskedPlaces {
  readonly #ipc: Ipc
  /** How clients are made to leave that have said nothing. */
  readonly #silent = new Map<number, () => void>()
  #count = 0

  constructor(ipc: Ipc) {
    this.#ipc = ipc
    ipc.onStatement('leave', ({ id }) => {
      const leave = this.#silent.get(id)
      this.#silent.delete(id)
      leave?.()
    })
  }

  async admit(asked: Omit<PlaceQuestion, 'id'>): Promise<Admission> {
    this.#count += 1
    const id = this.#count
    const answer = await this.#ipc.ask('place', { ...asked, id })
    return answer === 'admitted'
      ? { outcome: 'admitted', place: this.#placeOf(id) }
      : { outcome: 'refused', status: answer }
  }

  #placeOf(id: number): Place {
    let isGone = false
    const tell = (state: 'connected' | 'spoke' | 'gone') => void this.#ipc.tell('client', { id, state })
    return {
      connected: (leave) => {
        if (isGone) return
        this.#silent.set(id, leave)
        tell('connected')
      },
      spoke: () => {
        if (this.#silent.delete(id)) tell('spoke')
      },
      release: () => {
        if (isGone) return
        isGone = true
        this.#silent.delete(id)
        tell('gone')
      },
    }
  }
}

class Channels {
  readonly #ipc: Ipc
  readonly #listeners = new Map<string, (news: never) => void>()
  /** What is told in one turn of the event loop is one message. */
  #waiting: News[] = []

  constructor(ipc: Ipc) {
    this.#ipc = ipc
    ipc.onStatement('news', (all) => {
      for (const { channel, news } of all) this.#listeners.get(channel)?.(news as never)
    })
  }

  named<Told>(channel: string): Channel<Told> {
    return {
      tell: (news) => this.#tell({ channel, news }),
      hear: (listener) => void this.#listeners.set(channel, listener),
    }
  }

  #tell(news: News): void {
    if (this.#waiting.length === 0) setImmediate(() => this.#send())
    this.#waiting.push(news)
  }

  #send(): void {
    this.#ipc.tellIfRead('news', this.#waiting)
    this.#waiting = []
  }
}
