/** Publishes a second over the wire, on the processors that the generator of them uses as well, against the same checks in one thread. */

import { once } from 'node:events'
import { WebSocket } from 'ws'
import { createVerifier } from '../../adapters/node/verify-event.ts'
import { checkKeyPackage } from '../../plugin/key-package/validate.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { resolveOptions } from '../../plugin/options.ts'
import { NOW } from '../contract/index.ts'
import { startServer } from './isolation.ts'
import { freshEvents } from './isolation-process.ts'
import { alternate, callsPerSecond } from './measure.ts'
import type { BenchRow } from './row.ts'

const CONNECTIONS = 16
const IN_FLIGHT = 8
const PUBLISHES = 6000
const ROUNDS = 5
const BUDGET = 1.3

export async function benchPublishes(): Promise<BenchRow> {
  const events = await freshEvents()
  const [server, url] = await startServer()
  try {
    const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => connect(url, index)))
    await publishes(sockets, events)
    const { value, baseline } = await alternate(
      ROUNDS,
      () => publishes(sockets, events),
      () => checks(events),
    )
    for (const socket of sockets) socket.terminate()
    return {
      name: 'publishes/s over the wire, the generator on the same processors',
      value,
      unit: '/s',
      baseline,
      baselineName: 'the same checks in one thread',
      ratio: value / baseline,
      budget: `at least ${BUDGET} times the baseline`,
      inside: value >= BUDGET * baseline,
    }
  } finally {
    server.disconnect()
    await once(server, 'exit')
  }
}

async function connect(url: string, index: number): Promise<WebSocket> {
  const headers = { 'x-forwarded-for': `198.51.100.${index}` }
  const socket = new WebSocket(url, { perMessageDeflate: false, headers })
  await once(socket, 'message')
  return socket
}

/** A known event is checked as a new one is. @throws if one is refused */
async function publishes(sockets: readonly WebSocket[], events: readonly SignedEvent[]): Promise<number> {
  const frames = events.map((event) => Buffer.from(JSON.stringify(['EVENT', event])))
  const start = performance.now()
  let sent = 0
  const publish = (socket: WebSocket) =>
    new Promise<void>((resolve, reject) => {
      let inFlight = 0
      const push = () => {
        while (inFlight < IN_FLIGHT && sent < PUBLISHES) {
          socket.send(frames[sent++ % frames.length] ?? '', { binary: false })
          inFlight += 1
        }
        if (inFlight > 0) return
        socket.off('message', hear)
        resolve()
      }
      const hear = (data: Buffer) => {
        if (!data.includes('true')) reject(new Error(String(data)))
        inFlight -= 1
        push()
      }
      socket.on('message', hear)
      push()
    })
  await Promise.all(sockets.map(publish))
  return (PUBLISHES / (performance.now() - start)) * 1000
}

async function checks(events: readonly SignedEvent[]): Promise<number> {
  const rules = {
    ...resolveOptions({}),
    authenticatedAs: new Set<string>(),
    verifyEvent: await createVerifier(),
  }
  return callsPerSecond(PUBLISHES / 2, 1, async (index) => {
    const event = events[index % events.length]
    if (event !== undefined) checkKeyPackage(event, rules, NOW)
  })
}
