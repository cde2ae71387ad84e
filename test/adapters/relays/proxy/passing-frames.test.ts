/** Which of the relay's frames pass as bytes: whole texts that may, and nothing else; all bytes arrive once and in order. */

import { once } from 'node:events'
import { afterEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { WebSocket } from 'ws'
import { PassingFrames, passFrames } from '../../../../adapters/relays/proxy/passing-frames.ts'
import { ScriptedRelay } from '../../../support/scripted-relay.ts'

const [TEXT, CONTINUED, PING] = [0x81, 0x80, 0x89]

/** A frame of a server (RFC 6455 section 5.2). */
function frame(first: number, payload: Buffer | string): Buffer {
  const body = Buffer.from(payload)
  if (body.length < 126) return Buffer.concat([Buffer.from([first, body.length]), body])
  const header = Buffer.alloc(body.length < 65_536 ? 4 : 10)
  header[0] = first
  if (body.length < 65_536) {
    header[1] = 126
    header.writeUInt16BE(body.length, 2)
  } else {
    header[1] = 127
    header.writeBigUInt64BE(BigInt(body.length), 2)
  }
  return Buffer.concat([header, body])
}

/** What happened to these chunks, run by run. Texts that begin with `p` may pass. */
function take(...chunks: readonly Buffer[]): { via: 'passed' | 'received'; bytes: Buffer }[] {
  const runs: { via: 'passed' | 'received'; bytes: Buffer }[] = []
  const frames = new PassingFrames(
    {
      passes: (text) => text[0] === 0x70,
      pass: (bytes) => void runs.push({ via: 'passed', bytes: Buffer.from(bytes) }),
    },
    (bytes) => runs.push({ via: 'received', bytes: Buffer.from(bytes) }) > 0,
  )
  for (const chunk of chunks) frames.take(chunk)
  return runs
}

describe('the frames of a relay', () => {
  const passing = frame(TEXT, 'pass')
  const other = frame(TEXT, 'other')

  it('pass in one piece where they follow each other', () => {
    expect(take(Buffer.concat([passing, passing, other, frame(PING, 'p'), passing]))).toEqual([
      { via: 'passed', bytes: Buffer.concat([passing, passing]) },
      { via: 'received', bytes: Buffer.concat([other, frame(PING, 'p')]) },
      { via: 'passed', bytes: passing },
    ])
  })

  it.each([126, 65_535, 65_536, 100_000])('pass with %d bytes', (length) => {
    const long = frame(TEXT, 'p'.repeat(length))
    expect(take(Buffer.concat([long, passing]))).toEqual([
      { via: 'passed', bytes: Buffer.concat([long, passing]) },
    ])
  })

  it.each([
    ['a part of a message', frame(0x01, 'p'), [frame(CONTINUED, 'p')]],
    ['a binary message', frame(0x82, 'p'), []],
    ['a ping', frame(PING, 'p'), []],
    ['a compressed text', frame(0xc1, 'p'), []],
    ['a text that is not UTF-8', frame(TEXT, Buffer.from([0x70, 0xff])), []],
    ['an empty text', frame(TEXT, ''), []],
  ])('do not pass as %s', (_, bytes, ending) => {
    expect(take(bytes, ...ending, passing)).toEqual([
      ...[bytes, ...ending].map((received) => ({ via: 'received', bytes: received })),
      { via: 'passed', bytes: passing },
    ])
  })

  it('do not pass in the middle of a message of several frames', () => {
    const begun = Buffer.concat([frame(0x01, 'p'), frame(PING, ''), passing])
    expect(take(begun)).toEqual([{ via: 'received', bytes: begun }])
  })

  it('arrive byte for byte and in order, wherever the chunks end', () => {
    const text = fc.constantFrom('pass', 'other', 'p'.repeat(200), 'o'.repeat(70_000), '')
    const made = fc.oneof(
      text.map((payload) => [frame(TEXT, payload)]),
      fc.constant([frame(PING, 'p')]),
      fc.constant([frame(0x01, 'p'), frame(0x00, 'p'), frame(PING, ''), frame(CONTINUED, 'p')]),
    )
    const cuts = fc.array(fc.nat(), { maxLength: 12 })
    fc.assert(
      fc.property(fc.array(made, { minLength: 1, maxLength: 8 }), cuts, (frames, places) => {
        const bytes = Buffer.concat(frames.flat())
        const ends = [...places.map((place) => place % bytes.length), bytes.length].sort((a, b) => a - b)
        const runs = take(...ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end)))
        expect(Buffer.concat(runs.map((run) => run.bytes)).equals(bytes)).toBe(true)
        // Only whole passing texts: each run is the same again when it comes alone.
        for (const run of runs.filter(({ via }) => via === 'passed')) expect(take(run.bytes)).toEqual([run])
      }),
      { seed: 1, numRuns: 500 },
    )
  })
})

describe('a socket of this version of ws', () => {
  const endings: (() => void)[] = []
  afterEach(() => {
    for (const end of endings.splice(0)) end()
  })

  it('lets them pass, and receives all others', async () => {
    const relay = await ScriptedRelay.open(() => [
      ['pass', 1],
      ['other', 2],
      ['pass', 3],
    ])
    const socket = new WebSocket(relay.url)
    endings.push(
      () => socket.terminate(),
      () => relay.close(),
    )
    await once(socket, 'open')
    const passed: Buffer[] = []
    const outcome = passFrames(socket, {
      passes: (text) => text.includes('pass'),
      pass: (bytes) => void passed.push(Buffer.from(bytes)),
    })
    expect(outcome).toBe('passing')
    socket.send('["ask"]')
    const [received] = await once(socket, 'message')
    socket.ping()
    await once(socket, 'pong')
    expect(String(received)).toBe('["other",2]')
    expect(
      Buffer.concat(passed).equals(Buffer.concat([frame(TEXT, '["pass",1]'), frame(TEXT, '["pass",3]')])),
    ).toBe(true)
  })
})
