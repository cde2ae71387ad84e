/** What the processes of one server say to each other: every topic, what is said of it, and what is answered. */

import type { MetricObjectWithValues, MetricValue } from 'prom-client'
import type { Quota } from '../../../plugin/store.ts'
import type { Salt } from '../../audit/daily-salt.ts'
import type { Readiness } from '../../http/health.ts'
import type { PlaceLimits } from '../../relays/server/connection-limits.ts'
import type { Settings } from '../settings-schema.ts'

/** The metrics of one process. */
export type ProcessMetrics = MetricObjectWithValues<MetricValue<string>>[]

/** What a worker starts with, so that all of them, later ones too, are alike. */
export interface WorkerStart {
  readonly number: number
  readonly settings: Settings
  readonly salt: Salt
}

export interface PlaceQuestion {
  /** The same name has the same limits in every worker. */
  readonly name: string
  readonly limits: PlaceLimits
  /** Of the place, in this worker. */
  readonly id: number
  readonly address: string
}

export interface QuotaQuestion {
  /** The same name has the same quota in every worker. */
  readonly name: string
  readonly quota: Quota
  readonly key: string
  /** Seconds since the epoch. */
  readonly now: number
}

/** What a process says on a channel of its siblings. */
export interface News {
  readonly channel: string
  readonly news: unknown
}

/** Topics that are answered. */
export interface Questions {
  /** By a worker, first of all. */
  readonly start: { readonly asked: null; readonly answer: WorkerStart }
  /** By a worker: has a client a place? A number is the HTTP status with which it is refused. */
  readonly place: { readonly asked: PlaceQuestion; readonly answer: 'admitted' | 503 | 429 }
  /** By a worker: has a quota room? Then it counts one more. */
  readonly quota: { readonly asked: QuotaQuestion; readonly answer: boolean }
  /** By the primary. */
  readonly metrics: { readonly asked: null; readonly answer: ProcessMetrics }
  /** By the primary. */
  readonly readiness: { readonly asked: null; readonly answer: Readiness }
}

/** Topics that are not answered. */
export interface Statements {
  /** By a worker: it serves. */
  readonly serving: { readonly url: string }
  /** By a worker: it cannot serve with these settings, and ends. */
  readonly failed: { readonly message: string; readonly code: unknown }
  /** By a worker: what became of a client that has a place. */
  readonly client: { readonly id: number; readonly state: 'connected' | 'spoke' | 'gone' }
  /** By the primary: this client is to make room. */
  readonly leave: { readonly id: number }
  /** By the primary: answer what is pending, and end. */
  readonly stop: null
  /** By the primary: reopen the audit log. */
  readonly 'hang up': null
  /** By a worker, for all others, to whom the primary passes it on. */
  readonly news: readonly News[]
}
