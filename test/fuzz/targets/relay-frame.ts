/**
 * What a relay sends, as bytes in packets of any size: nothing is lost or reordered between what passes to the client as bytes
 * and what is parsed, and what passes holds no key package, whoever reads it (I4).
 */

import { scanRelayFrame } from '../../../adapters/relays/proxy/frame-scan.ts'
import { PassingFrames } from '../../../adapters/relays/proxy/passing-frames.ts'
import { mayBeOfKind } from '../../../plugin/nostr/event.ts'
import { seededRandom } from '../../support/random.ts'
import { STOCKED } from '../cast.ts'
import { kindsReadIn } from '../kind-readers.ts'
import { demand, lines, type Target, valuesIn } from '../target.ts'

const KINDS = [443, 30443]
const TEXT = 0x81
const MAX_FRAMES = 20
const note = { id: 'x', pubkey: 'y', created_at: 1, kind: 1, tags: [['k', '443']], content: 'kind', sig: 'z' }

/** A line: a message, `{"first": BYTE, "text": TEXT}`, `{"raw": HEX}`; a number is the seed of the packets' sizes. */
interface Frame {
  readonly first?: unknown
  readonly text?: unknown
  readonly raw?: unknown
}

export const target: Target = {
  name: 'relay-frame',
  seeds: [
    lines(['EVENT', 'sub', note], ['EVENT', 'sub', { ...note, content: 'x'.repeat(200) }], ['EOSE', 'sub']),
    lines(['EVENT', 'sub', STOCKED[0]], ['EVENT', 'sub', note], ['NEG-MSG', 'sub', '61']),
    lines(
      7,
      { first: 0x01, text: '["EVENT","sub",' },
      { first: 0x89, text: 'ping' },
      { first: 0x80, text: '{"kind":1}]' },
      ['EVENT', 's', note],
    ),
    lines(
      1,
      { raw: '817e' },
      { raw: '0004' },
      { raw: '5b5b5d5d' },
      { first: TEXT, text: '["EVENT","s",{"kind":1,"Kind":443}]' },
    ),
    lines(
      3,
      { first: 0x82, text: '["EVENT","s",{"kind":1}]' },
      { raw: '81ffffffffffffffff' },
      { raw: '880203e8' },
    ),
  ],
  words: [
    ...[
      'first',
      'text',
      'raw',
      '817f',
      '8100',
      '8180',
      '["EVENT","sub",{"kind":1',
      '"KIND":443,',
      '\\u006bind',
      '"kind":443',
    ],
    ...['EVENT', 'sub', 'kind', '443', '\ud800', '0', '129', '128', '1', '9'],
  ],
  shortRun: 1500,
  run(input) {
    const values = valuesIn(input).slice(0, MAX_FRAMES)
    const seed = values.find((value) => typeof value === 'number') ?? 1
    const bytes = Buffer.concat(values.flatMap(frameOf))
    const whole = split(bytes, [bytes.length])
    const parts = split(bytes, sizes(bytes.length, seed))
    for (const taken of [whole, parts]) {
      const all = Buffer.concat(taken.map(({ run }) => run))
      // The beginning of a header waits for the rest of it.
      demand(
        bytes.subarray(0, all.length).equals(all) && bytes.length - all.length < 10,
        'bytes are lost',
        bytes.toString('hex'),
      )
      for (const { run, way } of taken) if (way === 'passed') demandHarmless(run)
    }
  },
}

interface Taken {
  readonly way: 'passed' | 'received'
  readonly run: Buffer
}

function split(bytes: Buffer, lengths: readonly number[]): Taken[] {
  const taken: Taken[] = []
  const frames = new PassingFrames(
    {
      passes: (text) => isHarmless(scanRelayFrame(text)),
      pass: (run) => taken.push({ way: 'passed', run: Buffer.from(run) }),
    },
    (run) => {
      taken.push({ way: 'received', run: Buffer.from(run) })
      return true
    },
  )
  let at = 0
  for (const length of lengths) {
    frames.take(bytes.subarray(at, at + length))
    at += length
  }
  return taken
}

/** As the proxy decides it. */
function isHarmless(scanned: ReturnType<typeof scanRelayFrame>): boolean {
  return scanned !== undefined && !mayBeOfKind(scanned[2], KINDS)
}

/** Walks through whole frames of texts. */
function demandHarmless(run: Buffer): void {
  for (let at = 0; at < run.length; ) {
    const [first = 0, size = 0] = run.subarray(at)
    demand(first === TEXT && size < 128, 'what passes is no whole text', run.toString('hex'))
    const head = { 126: 4, 127: 10 }[size] ?? 2
    const length = size < 126 ? size : Number(`0x${run.subarray(at + 2, at + head).toString('hex')}`)
    demand(at + head + length <= run.length, 'a part of a frame passes', run.toString('hex'))
    const text = run.subarray(at + head, at + head + length).toString()
    const isEvent = !text.startsWith('["NEG-MSG",')
    const isKeyPackage = kindsReadIn(text).some((kind) => KINDS.includes(Number(kind)))
    demand(!isEvent || !isKeyPackage, 'a key package passes (I4)', text)
    at += head + length
  }
}

function frameOf(value: unknown): Buffer[] {
  if (Array.isArray(value)) return [frame(TEXT, Buffer.from(JSON.stringify(value)))]
  if (typeof value !== 'object' || value === null) return []
  const { first, text, raw } = value as Frame
  if (typeof raw === 'string') return [Buffer.from(raw, 'hex')]
  if (typeof text !== 'string') return []
  return [frame(typeof first === 'number' ? first & 0xff : TEXT, Buffer.from(text))]
}

/** RFC 6455 section 5.2, not masked. */
function frame(first: number, payload: Buffer): Buffer {
  const { length } = payload
  const head = length < 126 ? [first, length] : [first, 126, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), payload])
}

function sizes(length: number, seed: unknown): number[] {
  const random = seededRandom(Number(seed) | 0)
  const all: number[] = []
  for (let left = length; left > 0; left -= all.at(-1) ?? left)
    all.push(Math.min(left, 1 + random(random(2) === 0 ? 4 : 200)))
  return all
}
