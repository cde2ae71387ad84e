/** How long honest claimers wait beside clients that do harm, against the same without them; and publishes over the wire. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { AUTHORS, type Flood, type Report, type Role } from './isolation-process.ts'
import { median } from './measure.ts'
import type { BenchRow } from './row.ts'
import { author } from './stocked.ts'

const PROCESS = fileURLToPath(new URL('./isolation-process.js', import.meta.url))
const CLAIMERS = 20
const CLAIMS_EACH = 150
const ROUNDS = 3
const BUDGET = 2
const FLOODS: readonly (readonly [Flood, string])[] = [
  ['publishes', 'a flood of valid publishes by fresh authors'],
  ['bad signatures', 'a flood of bad signatures'],
  ['subscriptions', '200 connections with 32 subscriptions of 500 authors'],
  ['not reading', '100 connections of an owner who never reads'],
]

export const benchIsolation = FLOODS.map(
  ([flood, name]) => [`isolation ${flood}`, () => beside(flood, name)] as const,
)

async function beside(flood: Flood, name: string): Promise<BenchRow[]> {
  const [server, url] = await startServer()
  try {
    await claims(url)
    const values: number[] = []
    const baselines: number[] = []
    const residents: number[] = []
    const idle = await residentOf(server)
    for (let round = 0; round < ROUNDS; round++) {
      baselines.push(await claims(url))
      const [flooding] = await start(flood, url)
      flooding.send('begin')
      await claims(url)
      values.push(await claims(url))
      residents.push(await residentOf(server))
      flooding.disconnect()
      await once(flooding, 'exit')
    }
    const [value, baseline] = [median(values), median(baselines)]
    const resident = Math.max(...residents)
    return [
      {
        name: `p99 of ${CLAIMERS} claimers beside ${name}`,
        value,
        unit: 'ms',
        baseline,
        baselineName: 'without it',
        ratio: value / baseline,
        budget: `at most ${BUDGET} times the baseline`,
        inside: value <= BUDGET * baseline,
      },
      {
        name: `memory beside ${name}`,
        value: resident,
        unit: 'MiB',
        baseline: idle,
        baselineName: 'without it',
        ratio: resident / idle,
        budget: 'at most 512 MiB',
        inside: resident <= 512,
      },
    ]
  } finally {
    server.disconnect()
    await once(server, 'exit')
  }
}

export async function startServer(): Promise<[process: ChildProcess, url: string]> {
  const [server, { port }] = await start('server')
  return [server, `ws://127.0.0.1:${port}`]
}

async function start(role: Role, url = ''): Promise<[process: ChildProcess, report: { port: number }]> {
  const child = fork(PROCESS, [role, url])
  const [report] = (await once(child, 'message')) as [{ port: number }]
  return [child, report]
}

async function residentOf(server: ChildProcess): Promise<number> {
  server.send('measure')
  const [report] = (await once(server, 'message')) as [Report]
  return 'resident' in report ? report.resident / 1024 / 1024 : residentOf(server)
}

/** The p99 of claims that each claimer makes one after the other, in milliseconds. */
async function claims(url: string): Promise<number> {
  const times = await Promise.all(Array.from({ length: CLAIMERS }, (_, index) => claimer(url, index)))
  return percentile(times.flat(), 0.99)
}

async function claimer(url: string, index: number): Promise<number[]> {
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    headers: { 'x-forwarded-for': `198.51.100.${index}` },
  })
  await once(socket, 'open')
  const times: number[] = []
  for (let claim = 0; claim < CLAIMS_EACH; claim++) {
    const authors = [author((index * CLAIMS_EACH + claim) % AUTHORS)]
    const start = performance.now()
    await new Promise<void>((resolve, reject) => {
      socket.on('message', function hear(data: Buffer) {
        const text = data.toString('latin1')
        if (text.startsWith('["CLOSED"')) reject(new Error(text))
        if (!text.startsWith('["EOSE"')) return
        socket.off('message', hear)
        resolve()
      })
      socket.send(JSON.stringify(['REQ', `${claim}`, { kinds: [443], authors }]))
    })
    times.push(performance.now() - start)
    socket.send(JSON.stringify(['CLOSE', `${claim}`]))
  }
  socket.close()
  await once(socket, 'close')
  return times
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0
}
