/** A week of made-up life in a store, by a clock that runs faster; of its last hour, what the operator's page draws. */

import type { CiphersuiteImpl } from 'ts-mls'
import { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { StockSurvey } from '../../../plugin/lifecycle/stock-survey.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import type { VerifyEvent } from '../../../plugin/verification.ts'
import { History, INTERVAL_SECONDS, type Sample } from '../../http/history.ts'
import { measuredStore } from '../../http/measured-store.ts'
import { Metrics } from '../../http/metrics.ts'
import { GREEDY_ADDRESS, Life } from './life.ts'
import type { Resident } from './residents.ts'

export interface WeekSettings {
  readonly store: KeyPackageStore
  readonly verifyEvent: VerifyEvent
  readonly residents: readonly Resident[]
  readonly suite: CiphersuiteImpl
  /** From 0 to 1. */
  readonly random: () => number
  /** When the week ends, in seconds since the epoch. */
  readonly until: number
  /** Ends it early: it rejects with the reason. */
  readonly signal?: AbortSignal
  /** Of this software. */
  readonly version: string
}

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400
/** Somebody asks about so often, before the last hour. */
const QUIET_SECONDS = 45 * MINUTE
/** So long before the end the apps of those who have run low connect. */
const MORNING_SECONDS = 5 * MINUTE
const SURVEY_SECONDS = 5 * MINUTE
/** When somebody asks too often, in seconds before the end. */
const GREEDY = { from: 34 * MINUTE, until: 27 * MINUTE }

/** Lives the week. Resolves with the last hour, in samples as the operator's listener takes them. */
export async function liveAWeek(settings: WeekSettings): Promise<readonly Sample[]> {
  const { residents, suite, random, until, signal, verifyEvent, version } = settings
  let now = until - 7 * DAY
  let survey: StockSurvey | undefined
  let connections = 0
  const metrics = new Metrics(version)
  const store = measuredStore(settings.store, metrics.storeCalls)
  const { observer } = metrics
  const gateway = new KeyPackageGateway({ store, verifyEvent, observer, clock: () => now * 1000 })
  const life = new Life({ gateway, residents, suite, random, now: () => now })
  metrics.add({ server: () => ({ connections, refused: {} }), stock: () => survey })
  const history = new History({ read: () => metrics.registry.getMetricsAsJSON(), now: () => now })

  for (const resident of residents) {
    signal?.throwIfAborted()
    await life.arrive(resident)
    now += 2 * MINUTE
  }
  for (; now < until - HOUR; now += QUIET_SECONDS) await life.happen()
  signal?.throwIfAborted()
  for (const resident of residents) {
    if (resident.whenLow === 'runs out') await life.runOut(resident)
    if (resident.whenLow === 'leaves') await life.leave(resident)
  }
  await gateway.sweep()

  for (now = until - HOUR - INTERVAL_SECONDS; now <= until; now += INTERVAL_SECONDS) {
    signal?.throwIfAborted()
    if (now % SURVEY_SECONDS < INTERVAL_SECONDS) survey = await gateway.surveyStock()
    connections = connectionsAt(now) + Math.round(random())
    for (let act = random() * busyAt(now); act > 0.5; act -= 1) await life.happen()
    const left = until - now
    if (left < GREEDY.from && left > GREEDY.until) await life.askTooOften()
    if (left === MORNING_SECONDS) await life.everybodyConnects()
    await history.take()
  }
  await gateway.ban(GREEDY_ADDRESS, 'asked for the same packages again and again')
  await gateway.ban('198.51.100.0/24', 'publishes garbage')
  gateway.close()
  return history.samples
}

/** How many things happen in an interval: more and less, in waves. */
function busyAt(now: number): number {
  return 3.6 + 2 * Math.sin(now / 480) + Math.sin(now / 130)
}

/** How many clients are connected, give or take one. @param now in seconds since the epoch */
export function connectionsAt(now: number): number {
  return Math.round(18 + 6 * Math.sin(now / 700))
}
