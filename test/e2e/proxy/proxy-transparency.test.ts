/** Through the proxy, other kinds behave byte for byte as without it: one session, played with and without. */

import { once } from 'node:events'
import { afterEach, describe, expect, it } from '@jest/globals'
import { WebSocket } from 'ws'
import { Client } from '../../support/client.ts'
import { signEvent } from '../../support/key-packages.ts'
import { startTestProxy } from '../../support/proxy.ts'
import { startRelay } from '../../support/relay.ts'
import { scratch } from '../../support/scratch.ts'
import { alice, bob } from '../behaviour/scene.ts'
import { StrfryRelay, strfryProgram } from '../strfry/strfry-relay.ts'
import { startStrfry } from '../strfry/strfry-target.ts'

/** strfry refuses events that are years old. */
const NOW = Math.floor(Date.now() / 1000)

const note = (content: string, age: number, tags: string[][] = [], kind = 1) =>
  signEvent(alice.secretKey, { kind, created_at: NOW - age, tags, content })

const plain = note('hello', 9)
const odd = note('"kind":443 \u0000 \u2028 \\u006bind é 🌍 </script> "kind" ,', 8, [
  ['kind', '443'],
  ['e', plain.id],
])
const profile = note('{"name":"alice"}', 7, [], 0)
const article = note('# long', 6, [['d', 'kind']], 30023)
const fleeting = note('now or never', 5, [['t', 'mind']], 20001)
const live = note('live', 4, [['p', bob.pubkey]])

/** Who sends what, frame by frame. */
const session: readonly (readonly ['publisher' | 'listener', string])[] = [
  ['listener', '["REQ","live",{"kinds":[1,20001],"since":1}]'],
  ['listener', '["REQ","all",{}]'],
  ['publisher', JSON.stringify(['EVENT', plain])],
  ['publisher', JSON.stringify(['EVENT', plain])],
  ['publisher', `["EVENT", ${JSON.stringify(odd, undefined, 2)}]`],
  ['publisher', JSON.stringify(['EVENT', profile])],
  ['publisher', JSON.stringify(['EVENT', article])],
  ['publisher', JSON.stringify(['EVENT', fleeting])],
  ['publisher', JSON.stringify(['EVENT', { ...plain, content: 'forged' }])],
  ...[
    { ids: [plain.id, odd.id] },
    { authors: [alice.pubkey], limit: 2 },
    { kinds: [0, 30023] },
    { '#e': [plain.id] },
    { '#d': ['kind'], kinds: [30023] },
    { since: NOW - 7, until: NOW - 6 },
    { search: 'nothing' },
    { limit: 0 },
    { kinds: [] },
  ].map((filter, index) => ['listener', JSON.stringify(['REQ', `shape ${index}`, filter])] as const),
  ['listener', `["REQ","shape 1",{"kinds":[7]},{"ids":["${plain.id}"]},{"authors":["${bob.pubkey}"]}]`],
  ['listener', '["COUNT","count",{"kinds":[0,1]}]'],
  ['listener', '["CLOSE","all"]'],
  ['publisher', JSON.stringify(['EVENT', live])],
  ['listener', '["CLOSE","live"]'],
  ['listener', '["CLOSE","never opened"]'],
  ['publisher', JSON.stringify(['EVENT', note('unheard', 3)])],
  ['publisher', '["UNKNOWN","verb",{"kind":1,"kind":2}]'],
]

describe('the same session with and without the proxy', () => {
  const cleanups: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  it('gets the same frames, byte for byte, apart from AUTH', async () => {
    const bare = await startRelay()
    const proxy = await startTestProxy()
    cleanups.push(bare.stop, proxy.stop)
    const without = await play(bare.url)
    const through = await play(proxy.url)
    expect(through.map(({ frames }) => frames)).toEqual(without.map(({ frames }) => frames))
    expect(without.flatMap(({ frames }) => frames).length).toBeGreaterThan(60)
    const [challenges, none] = [through, without].map((heard) => heard.map(({ auths }) => auths))
    expect([challenges, none]).toEqual([
      [1, 1],
      [0, 0],
    ])
  })

  it('gets the same frames when compression is offered', async () => {
    const proxy = await startTestProxy({ proxy: { compression: true } })
    const bare = await startRelay()
    cleanups.push(proxy.stop, bare.stop)
    const through = await play(proxy.url)
    expect(through.map(({ frames }) => frames)).toEqual((await play(bare.url)).map(({ frames }) => frames))
  })

  const itOnStrfry = strfryProgram === undefined ? it.skip : it
  itOnStrfry('gets the same answers from the real strfry, in any order of its threads', async () => {
    const through = await startStrfry({}, { publish: 'here' })
    const bare = await StrfryRelay.start(scratch(), 'relay { bind = "127.0.0.1"\nport = 7777 }')
    cleanups.push(through.stop, () => bare.stop())
    const requests = session.filter(([who]) => who === 'listener')
    const [heard, expected] = await Promise.all(
      [through.url, bare.url].map(async (url) => {
        const publisher = await Client.connect(url)
        for (const event of [plain, odd, profile, article, live]) await publisher.publish(event)
        await publisher.close()
        const [listener] = await play(url, requests)
        return listener?.frames.sort()
      }),
    )
    expect(heard).toEqual(expected)
    expect(heard?.length).toBeGreaterThan(30)
  })

  async function play(url: string, frames = session) {
    const listener = await Listener.connect(url)
    const publisher = await Listener.connect(url)
    cleanups.push(
      () => listener.close(),
      () => publisher.close(),
    )
    for (const [who, frame] of frames) {
      const [first, second] = who === 'listener' ? [listener, publisher] : [publisher, listener]
      first.say(frame)
      await first.fence()
      await second.fence()
    }
    return [listener, publisher].map(({ heard }) => ({
      frames: heard.filter((frame) => !frame.startsWith('["AUTH"')),
      auths: heard.filter((frame) => frame.startsWith('["AUTH"')).length,
    }))
  }
})

/** Collects frames as they arrive. */
class Listener {
  readonly heard: string[] = []
  readonly #socket: WebSocket
  #fences = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data, isBinary) => this.heard.push(isBinary ? 'binary' : String(data)))
  }

  static async connect(url: string): Promise<Listener> {
    const socket = new WebSocket(url)
    const listener = new Listener(socket)
    await once(socket, 'open')
    return listener
  }

  say(frame: string): void {
    this.#socket.send(frame)
  }

  /** Resolves once everything sent before is answered. */
  async fence(): Promise<void> {
    this.#fences += 1
    const id = `fence ${this.#fences}`
    this.say(`["REQ","${id}",{"kinds":[4444],"limit":1}]`)
    while (!this.heard.includes(`["EOSE","${id}"]`)) await once(this.#socket, 'message')
    this.say(`["CLOSE","${id}"]`)
  }

  async close(): Promise<void> {
    this.#socket.close()
    await once(this.#socket, 'close')
  }
}
