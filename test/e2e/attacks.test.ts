/** What a stranger who knows the protocol may try on a real `serve` process, to get more than they should. */

import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { WebSocket } from 'ws'
import { Client } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { authEvent } from '../support/gateway.ts'
import { signEvent } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import { frame, handshake } from '../support/raw-web-socket.ts'
import { scratch } from '../support/scratch.ts'
import { alice, bob, idsOf, newEvent, packagesOf, Scene } from './behaviour/scene.ts'
import { residentMegabytes, type ServeProcess, startServe } from './serve-process.ts'

let directory: string
beforeEach(() => {
  directory = scratch()
})
const scene = new Scene<ServeProcess>((options) => startServe(directory, options))

describe('impersonating an author', () => {
  it("with an AUTH event signed for another relay, under that relay's Host header: refused (I4)", async () => {
    const { target, events } = await scene.stocked(2)
    const relay = 'wss://evil.example.com'
    const attacker = new WebSocket(target.url, { headers: { Host: new URL(relay).host } })
    const heard = await listenFor(attacker, 'CLOSED', ([, challenge]) => [
      ['AUTH', authEvent(alice, { challenge: String(challenge), relay, createdAt: target.now() })],
      ['EVENT', signEvent(alice.secretKey, vanishFrom(relay, target.now()))],
      ['COUNT', 'hers', packagesOf(alice)],
    ])
    expect(heard).toContainEqual(['CLOSED', 'hers', 'restricted: only the author may count key packages'])
    const owner = await scene.connect(target, alice)
    expect(idsOf((await owner.request('own', packagesOf(alice))).events).sort()).toEqual(idsOf(events).sort())
  })
})

describe('using up the packages of an author', () => {
  it('with a new pubkey for each claim: the address is limited (I5)', async () => {
    const { target } = await scene.stocked(3, { quota: { perAddress: { max: 20 } } })
    let served = 0
    for (let index = 0; index < 60; index++) {
      const client = await scene.connect(target, person(`fresh ${index}`))
      const { closed } = await client.request('claim', packagesOf(alice))
      if (closed === undefined) served += 1
      await client.close()
    }
    expect(served).toBe(20)
  })

  it.each([
    ['resets', (stream: { resetAndDestroy(): unknown }) => stream.resetAndDestroy()],
    ['half closes', (stream: { end(): unknown }) => stream.end()],
  ])(
    'by claiming and disconnecting, the connection %s: only received packages are spent',
    async (_how, leave) => {
      const { target, events } = await scene.stocked(8)
      let seen = 0
      for (let index = 0; index < 6; index++) {
        const client = await scene.connect(target, person(`leaver ${index}`))
        client.together(() => {
          client.send(['REQ', 'claim', packagesOf(alice)])
          leave(client.stream)
        })
        await client.ended
        seen += client.history.filter(([verb]) => verb === 'EVENT').length
      }
      const owner = await scene.connect(target, alice)
      // A claim of a disconnected client is released once the store has answered.
      await eventually('only received packages are spent', async () => {
        const left = (await owner.count('left', packagesOf(alice))) as { count: number }
        return left.count === events.length - seen
      })
    },
  )
})

describe('keeping an author from replenishing', () => {
  it("by resending the author's events against a full stock: the author's quota is not touched (I5)", async () => {
    const { target, events } = await scene.stocked(10)
    const author = await scene.connect(target, alice)
    const stranger = await scene.connect(target)
    const tooMany = await newEvent(target, alice)
    const refusals = new Set<unknown>()
    for (let turn = 0; turn < 350; turn++)
      refusals.add(String((await stranger.publish(tooMany))[1]).replace(/\d+ s$/, 'some s'))
    expect([...refusals]).toEqual([
      'blocked: no room for more key packages',
      'rate-limited: 300 key packages per 3600 s from one address; try again in some s',
    ])

    for (let index = 0; index < events.length; index++) {
      const client = await scene.connect(target, person(`claimer ${index}`))
      expect((await client.request('claim', packagesOf(alice))).events).toHaveLength(1)
      await client.close()
    }
    for (let turn = 0; turn < 9; turn++) {
      expect(await author.publish(await newEvent(target, alice))).toEqual([true, ''])
    }
  })
})

describe('frames that violate RFC 6455', () => {
  let target: ServeProcess
  let client: Client
  beforeAll(async () => {
    target = await startServe(scratch())
    client = await Client.connect(target.url)
    expect(await client.publish(await newEvent(target, alice))).toEqual([true, ''])
  })
  afterAll(async () => {
    await client.close()
    await target.stop()
  })

  it.each([
    ['invalid UTF-8', frame(0x81, Buffer.from([0x5b, 0xff, 0xfe, 0x5d])), 1007],
    ['a reserved bit', frame(0xf1, Buffer.from('[]')), 1002],
    ['a continuation of nothing', frame(0x80, Buffer.from('[]')), 1002],
    ['a ping of 200 bytes', frame(0x89, Buffer.alloc(200)), 1002],
    ['no mask', Buffer.from([0x81, 0x02, 0x5b, 0x5d]), 1002],
    ['a length of 2^63', Buffer.concat([Buffer.from([0x81, 0xff]), Buffer.alloc(12, 0x7f)]), 1009],
  ])('%s: the connection is closed, others stay open (I9)', async (_what, bytes, code) => {
    const received = await overTcp(target.url, [bytes])
    expect(closeCode(received)).toBe(code)
    expect((await client.request('claim', packagesOf(alice))).events).toHaveLength(1)
  })

  it('a frame in single bytes, and a message in several frames with a ping in between, are understood', async () => {
    const request = Buffer.from(JSON.stringify(['REQ', 'claim', { ...packagesOf(alice), limit: 0 }]))
    const answer = '["EOSE","claim"]'
    const bytes = [...frame(0x81, request)].map((byte) => Buffer.of(byte))
    expect(String(await overTcp(target.url, bytes, answer))).toContain(answer)
    const parts = [
      frame(0x01, request.subarray(0, 10)),
      frame(0x89, Buffer.from('hi')),
      frame(0x00, request.subarray(10, 20)),
      frame(0x80, request.subarray(20)),
    ]
    expect(String(await overTcp(target.url, parts, answer))).toContain(answer)
  })
})

describe('exhausting the process', () => {
  it('with 50,000 invalid messages: memory does not grow, and others are answered (I9)', async () => {
    const { target, client } = await scene.stocked(1)
    await garbage(target, 10_000)
    const before = residentMegabytes(target)
    await garbage(target, 50_000)
    expect(residentMegabytes(target) - before).toBeLessThan(60)
    expect(target.log.filter(({ level }) => level > 40)).toEqual([])
    expect((await client.request('claim', packagesOf(alice))).events).toHaveLength(1)
  })

  it('with thousands of subscriptions: most are refused, and the open ones still work (I9)', async () => {
    const { target } = await scene.stocked(1)
    const owner = await scene.connect(target, alice)
    await owner.request('own', packagesOf(alice))
    for (let index = 0; index < 5000; index++) owner.send(['REQ', `${index}`, packagesOf(bob)])
    expect((await owner.reply('4999')).closed).toMatch(/^blocked: /)
    const [fresh] = await scene.publish(target, alice, 1)
    expect((await owner.until('EVENT', 'own')).at(-1)).toEqual(['EVENT', 'own', fresh])
  })

  it('with requests whose answers are not read: the answers do not accumulate (I9)', async () => {
    const { target } = await scene.stocked(5)
    const owner = await scene.connect(target, alice)
    owner.stream.pause()
    const before = residentMegabytes(target)
    for (let index = 0; index < 4000; index++) owner.send(['REQ', 'own', packagesOf(alice)])
    const other = await scene.connect(target)
    for (let index = 0; index < 100; index++) await other.rest()
    expect(residentMegabytes(target) - before).toBeLessThan(80)
    await owner.cut()
  })
})

/** Sends a mix of invalid messages, and waits until all are answered. */
async function garbage(target: ServeProcess, count: number): Promise<void> {
  const client = await scene.connect(target)
  const kinds: readonly ((index: number) => string | Uint8Array)[] = [
    (index) => `{"${index}":[`,
    (index) => Buffer.alloc(500, index),
    (index) => JSON.stringify(['REQ', { index }, packagesOf(alice)]),
    (index) =>
      JSON.stringify(['COUNT', `${index}`, { kinds: [443, 1], authors: [alice.pubkey] }, { ids: [1] }]),
    (index) => JSON.stringify(['CLOSE', `${index}`]),
    (index) => JSON.stringify([`verb ${index}`, 'x'.repeat(100)]),
    (index) => JSON.stringify(['AUTH', { id: `${index}`, kind: 22242 }]),
    (index) => JSON.stringify(['OK', `${index}`.padStart(64, '0'), true, '']),
  ]
  for (let index = 0; index < count; index++) {
    client.sendRaw(kinds[index % kinds.length]?.(index) ?? '')
    if (index % 1000 === 999) await client.rest()
  }
  await client.close()
}

function vanishFrom(relay: string, now: number) {
  return { kind: 62, created_at: now, tags: [['relay', relay]], content: '' }
}

/** Answers the first message, the challenge, and collects messages up to one with this verb. */
function listenFor(
  socket: WebSocket,
  verb: string,
  answer: (challenge: readonly unknown[]) => readonly unknown[][],
): Promise<unknown[][]> {
  const heard: unknown[][] = []
  return new Promise((resolve) => {
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as unknown[]
      heard.push(message)
      if (heard.length === 1) for (const reply of answer(message)) socket.send(JSON.stringify(reply))
      if (message[0] !== verb) return
      socket.close()
      resolve(heard)
    })
  })
}

/** The code in the close frame: the last one, with its head, its length, the code, and perhaps a reason. */
function closeCode(received: Buffer): number {
  return received.readUInt16BE(received.lastIndexOf(0x88) + 2)
}

/** Sends each piece as a packet after the handshake; resolves with everything received up to `last`, or the end. */
function overTcp(url: string, pieces: readonly Uint8Array[], last?: string): Promise<Buffer> {
  const { hostname, port } = new URL(url)
  const stream = connect({ port: Number(port), host: hostname, noDelay: true })
  let received = Buffer.alloc(0)
  stream.write(handshake(url))
  for (const piece of pieces) stream.write(piece)
  return new Promise((resolve, reject) => {
    stream.on('data', (data) => {
      received = Buffer.concat([received, data])
      if (last !== undefined && received.includes(last)) stream.destroy()
    })
    stream.on('error', reject)
    stream.on('end', () => stream.destroy())
    stream.on('close', () => resolve(received))
  })
}
