/** What every server in this process has of a test: a gateway with a clock that the test moves, and logs that it reads. */

import type { Listener, ListenerStatistics } from '../../adapters/relays/server/listener.ts'
import type { AuditRecord } from '../../plugin/audit.ts'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { forAnybody } from './anybody.ts'
import { fixOrder } from './delivery-order.ts'
import { NOW } from './key-packages.ts'
import { type TestLog, testLog } from './log.ts'
import { verifyEvent } from './signing.ts'

export interface TestServer {
  readonly url: string
  /** Seconds since the epoch, as the server sees it. */
  now(): number
  advance(seconds: number): void
  /** Errors the server reported since it started. */
  readonly errors: readonly unknown[]
  /** Closes the store while the server runs: from now on all its calls reject. */
  failStore(): Promise<void>
  stop(): Promise<void>
}

/** A test server whose logs and background work can be inspected. */
export interface WatchedServer extends TestServer {
  readonly log: TestLog
  /** The audit log. */
  readonly audited: readonly AuditRecord[]
  statistics(): ListenerStatistics
  /** The server's periodic work. */
  sweep(): Promise<number>
}

/** A gateway without the stranger rule, unless the options name it, and how a server with it comes into the hands of a test, which closes both, and the store. */
export function testGateway(store: KeyPackageStore, options: OptionsInput = {}) {
  fixOrder(store)
  let now = NOW
  const clock = () => now * 1000
  const log = testLog()
  const audited: AuditRecord[] = []
  const audit = (record: AuditRecord) => void audited.push(record)
  const gateway = new KeyPackageGateway({ ...forAnybody(options), store, clock, log, audit, verifyEvent })
  const served = ({ url, close, statistics }: Listener): WatchedServer => ({
    url,
    log,
    audited,
    statistics,
    get errors() {
      return log.lines.filter(({ level }) => level === 'error')
    },
    now: () => now,
    advance: (seconds) => {
      now += seconds
    },
    sweep: () => gateway.sweep(),
    failStore: () => store.close(),
    stop: async () => {
      await close()
      gateway.close()
      await store.close()
    },
  })
  return { gateway, clock, log, audited, audit, served }
}
