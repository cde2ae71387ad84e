/** What the primary process counts for all workers: the places of their clients, and quotas that are in no store. */

import { LocalQuota } from '../../../plugin/local-quota.ts'
import { ConnectionLimits, type Place } from '../../relays/server/connection-limits.ts'
import type { Ipc } from './ipc.ts'
import type { PlaceQuestion, QuotaQuestion } from './topics.ts'

export class SharedLimits {
  readonly #limits = new Map<string, ConnectionLimits>()
  readonly #quotas = new Map<string, LocalQuota>()

  /** Counts for a worker. Call what it returns when the worker has ended, however it ended: its clients are gone. */
  serve(ipc: Ipc): () => void {
    const places = new Map<number, Place>()
    ipc.onQuestion('quota', (asked) => this.#quotaOf(asked).take(asked.key, asked.now))
    ipc.onQuestion('place', (asked) => {
      const admission = this.#limitsOf(asked).admit(asked.address)
      if (admission.outcome === 'refused') return admission.status
      places.set(asked.id, admission.place)
      return 'admitted'
    })
    ipc.onStatement('client', ({ id, state }) => {
      const place = places.get(id)
      if (state === 'connected') place?.connected(() => void ipc.tell('leave', { id }))
      if (state === 'spoke') place?.spoke()
      if (state !== 'gone') return
      place?.release()
      places.delete(id)
    })
    return () => {
      for (const place of places.values()) place.release()
      places.clear()
    }
  }

  #limitsOf({ name, limits }: PlaceQuestion): ConnectionLimits {
    const known = this.#limits.get(name) ?? new ConnectionLimits(limits)
    this.#limits.set(name, known)
    return known
  }

  #quotaOf({ name, quota }: QuotaQuestion): LocalQuota {
    const known = this.#quotas.get(name) ?? new LocalQuota(quota)
    this.#quotas.set(name, known)
    return known
  }
}
