/** `serve --workers 2` as a process, and connections of which a test decides which worker has them. */

import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { forAnybody } from '../../support/anybody.ts'
import { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import type { Person } from '../../support/people.ts'
import { type ServeProcess, type ServeSettings, startServe } from '../serve-process.ts'

export interface WorkersServer extends ServeProcess {
  /** The address of the operator's listener. */
  readonly operator: string
  /** The processes of the workers, in the order in which they were started. */
  workers(): number[]
  /** A client of the first or second worker, at an address of its own if it is named. */
  connect(worker: 0 | 1, as?: Person, address?: string): Promise<Client>
}

/** On a store in `directory`; clients may say in X-Forwarded-For what their address is. */
export async function startWorkers(directory: string, settings: ServeSettings = {}): Promise<WorkersServer> {
  const server = await startServe(directory, {
    ...forAnybody(settings),
    workers: 2,
    proxy: { trust: ['127.0.0.1'], ...settings.proxy },
    admin: { listen: '127.0.0.1:0', ...settings.admin },
  })
  const started = server.log.find(({ msg }) => msg === 'serving key packages')
  const primary = Number(started?.pid)
  const workers = () => childrenOf(primary)
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <Result>(act: () => Promise<Result>): Promise<Result> => {
    const acted = turn.then(act)
    turn = acted.catch(() => undefined)
    return acted
  }
  return {
    ...server,
    operator: String(started?.operator),
    workers,
    connect: async (worker, as, address) => {
      const headers = address === undefined ? {} : { 'x-forwarded-for': address }
      const client = await inTurn(() => connectTo(worker, { url: server.url, workers }, headers))
      if (as !== undefined) await client.authenticate(as, server.now())
      return client
    },
  }
}

/** A connection that no worker has by then is lost. */
const LOST_MS = 3_000

/** The primary gives connections to its workers in turn: this one comes after one that the other worker has got. */
async function connectTo(
  worker: 0 | 1,
  { url, workers }: Pick<WorkersServer, 'url' | 'workers'>,
  headers: Readonly<Record<string, string>>,
): Promise<Client> {
  const { hostname, port } = new URL(url)
  const other = () => workers()[1 - worker] ?? 0
  let isNext = false
  while (!isNext) {
    const probe = connect(Number(port), hostname)
    await once(probe, 'connect')
    // Nobody ever has one that was on its way to a worker when that was killed.
    const has = (pid: number) => hasSocket(pid, probe)
    const owner = await eventually('a worker has it', () => workers().find(has), LOST_MS).catch(
      () => undefined,
    )
    isNext = owner !== undefined && owner === other()
    probe.destroy()
  }
  const client = await Client.connect(url, { headers })
  if (hasSocket(other(), client.stream)) throw new Error('it is with the other worker')
  return client
}

function childrenOf(pid: number): number[] {
  const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return listed.split(' ').filter(Boolean).map(Number)
}

/** Whether a process has the server's end of a connection on this machine. */
function hasSocket(pid: number, { remotePort = 0, localPort = 0 }: Socket): boolean {
  const ends = [remotePort, localPort].map((port) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`)
  const row = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, local = '', remote = '']) => local.endsWith(ends[0] ?? '') && remote.endsWith(ends[1] ?? ''))
  const socket = `socket:[${row?.[9]}]`
  return readdirSync(`/proc/${pid}/fd`).some((name) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${name}`) === socket
    } catch {
      // It was closed meanwhile.
      return false
    }
  })
}
