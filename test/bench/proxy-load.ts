/** The load that clients put on the proxy and on the pipe, and how fast it is handled. */

import { once } from 'node:events'
import { WebSocket } from 'ws'
import { noteOf } from './proxy-process.ts'

const IN_FLIGHT = 16

export async function connect(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  await once(socket, 'open')
  return socket
}

export async function connectAll(url: string, count: number): Promise<WebSocket[]> {
  const sockets: WebSocket[] = []
  while (sockets.length < count) {
    const few = Array.from({ length: Math.min(50, count - sockets.length) }, () => connect(url))
    sockets.push(...(await Promise.all(few)))
  }
  return sockets
}

export async function end(socket: WebSocket): Promise<void> {
  socket.close()
  await once(socket, 'close')
}

/** Notes a second, for one REQ. @throws if one is lost or out of order */
export function receive(socket: WebSocket, notes: number): Promise<number> {
  const start = performance.now()
  let next = 0
  return new Promise((resolve, reject) => {
    socket.on('message', function hear(data: Buffer) {
      const text = data.toString('latin1')
      if (text.startsWith('["AUTH"')) return
      if (text.startsWith('["EVENT"')) {
        if (!text.includes(`"created_at":${next},`)) reject(new Error(`not note ${next}: ${text}`))
        next += 1
        return
      }
      socket.off('message', hear)
      if (next !== notes) reject(new Error(`${next} of ${notes} notes`))
      resolve((notes / (performance.now() - start)) * 1000)
    })
    socket.send(`["REQ","notes",{"kinds":[1],"limit":${notes}}]`)
  })
}

/** REQs a second, each for one event, with a given number in flight. @throws if one gets none */
export async function queries(
  socket: WebSocket,
  count: number,
  filterOf: (index: number) => object,
): Promise<number> {
  const start = performance.now()
  let sent = 0
  let events = 0
  await new Promise<void>((resolve) => {
    const ask = (lane: string) => {
      if (sent < count) socket.send(JSON.stringify(['REQ', lane, filterOf(sent++)]))
    }
    let ends = 0
    socket.on('message', function hear(data: Buffer) {
      const [verb, lane] = JSON.parse(data.toString())
      if (verb === 'EVENT') events += 1
      if (verb !== 'EOSE' && verb !== 'CLOSED') return
      ends += 1
      ask(lane)
      if (ends < count) return
      socket.off('message', hear)
      resolve()
    })
    for (let lane = 0; lane < IN_FLIGHT; lane++) ask(`${lane}`)
  })
  if (events !== count) throw new Error(`${events} events for ${count} queries`)
  return (count / (performance.now() - start)) * 1000
}

/** EVENTs a second, each counted with its OK. */
export function publish(socket: WebSocket, count: number): Promise<number> {
  const frames = Array.from({ length: count }, (_, number) => Buffer.from(`["EVENT",${noteOf(number)}]`))
  const start = performance.now()
  let answered = 0
  return new Promise((resolve) => {
    socket.on('message', function hear() {
      answered += 1
      if (answered < count) return
      socket.off('message', hear)
      resolve((count / (performance.now() - start)) * 1000)
    })
    for (const frame of frames) socket.send(frame, { binary: false })
  })
}

/** The time of each EVENT until its OK, in milliseconds. */
export async function roundTrips(socket: WebSocket, count: number): Promise<number[]> {
  const frame = Buffer.from(`["EVENT",${noteOf(1)}]`)
  const trips: number[] = []
  for (let trip = 0; trip < count; trip++) {
    const start = performance.now()
    const answered = new Promise((resolve) => socket.once('message', resolve))
    socket.send(frame, { binary: false })
    await answered
    trips.push(performance.now() - start)
  }
  return trips
}
