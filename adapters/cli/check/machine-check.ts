/** Whether this machine is fit for a server: its clock, its ports, and how many files it may open. */

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { DEFAULT_OPERATOR_ADDRESS } from '../../http/http-options.ts'
import { type ListenAddress, ListenError, listeningOn } from '../listening.ts'
import { hostAndPort, type Settings, workersOf } from '../settings-schema.ts'
import type { Finding } from './finding.ts'
import { isGatewayAt, isOperatorsAt } from './relay-check.ts'

const WARN_SECONDS = 5
const FAIL_SECONDS = 60
/** A clock that has never been set says 1970, or when the machine was built. */
const EARLIEST = Date.UTC(2025, 0, 1)
/** A proxy has a connection to the relay for each client. */
const FILES_PER_CLIENT = 2
const OTHER_FILES = 64
/** Where there is no limit here: the default of a server without a relay behind. */
const USUAL_CLIENTS = 1000

/** Another clock, and how far this machine's is ahead of it, in milliseconds. */
export interface OtherClock {
  readonly whose: string
  readonly aheadMs: number
}

export function checkClock(others: readonly OtherClock[], now: number): Finding[] {
  const advice = 'set it by NTP (`timedatectl set-ntp true`): quotas, lifetimes and NIP-42 depend on it'
  if (now < EARLIEST) return [clock('failed', `it says ${new Date(now).toISOString()}`, advice)]
  if (others.length === 0) return [clock('skipped', 'there is no other clock to compare it with')]
  return others.map(({ whose, aheadMs }) => {
    const seconds = Math.round(Math.abs(aheadMs) / 1000)
    if (seconds <= WARN_SECONDS) return clock('ok', `it agrees with ${whose}`)
    const text = `it is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ${whose}`
    return clock(seconds > FAIL_SECONDS ? 'failed' : 'warning', text, advice)
  })
}

export async function checkPorts({ listen, admin }: Settings): Promise<Finding[]> {
  const addresses: ListenAddress[] = [{ setting: 'listen', address: listen }]
  if (admin.listen !== 'none') addresses.push({ setting: 'admin.listen', address: admin.listen })
  return Promise.all(addresses.map(checkPort))
}

async function checkPort(place: ListenAddress): Promise<Finding> {
  const { setting, address } = place
  try {
    await listeningOn(place, tryListening)
    return { topic: 'ports', outcome: 'ok', text: `${setting} ${address} is free` }
  } catch (error) {
    if (!(error instanceof ListenError)) throw error
    const { host, port } = hostAndPort(address)
    const reachable =
      { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host] ?? (host.includes(':') ? `[${host}]` : host)
    const here = `ws://${reachable}:${port}`
    const isOurs = setting === 'listen' ? await isGatewayAt(here) : await isOperatorsAt(here)
    if (isOurs) return { topic: 'ports', outcome: 'ok', text: `a keypackage-gateway runs on ${address}` }
    // `serve` goes without the operator's listener if its address was not chosen.
    const isNeeded = address !== DEFAULT_OPERATOR_ADDRESS
    return { topic: 'ports', outcome: isNeeded ? 'failed' : 'warning', text: error.message }
  }
}

function tryListening({ host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(port, host, () => server.close(() => resolve()))
  })
}

/** Each connection is an open file (`ulimit -n`). Nothing on a system that does not say. */
export async function checkFiles({ server, upstream }: Settings): Promise<Finding[]> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const allowed = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY)
  const clients = server.maxConnections || USUAL_CLIENTS
  const needed = clients * (upstream === undefined ? 1 : FILES_PER_CLIENT) + OTHER_FILES
  if (allowed >= needed) return []
  return [
    {
      topic: 'machine',
      outcome: 'warning',
      text: `a process may open ${allowed} files here, and ${clients} clients need ${needed}`,
      advice: `raise it (\`ulimit -n ${needed}\`, LimitNOFILE= of systemd), or lower server.maxConnections`,
    },
  ]
}

/** More processes than processors only wait for each other. */
export function checkWorkers(settings: Settings): Finding[] {
  const [workers, processors] = [workersOf(settings), availableParallelism()]
  if (workers <= processors || workers === 1) return []
  const advice = `set workers to ${processors} at most, or to auto`
  return [
    {
      topic: 'machine',
      outcome: 'warning',
      text: `${workers} workers share ${processors} processors`,
      advice,
    },
  ]
}

function clock(outcome: Finding['outcome'], text: string, advice?: string): Finding {
  return { topic: 'clock', outcome, text, ...(advice !== undefined && { advice }) }
}
