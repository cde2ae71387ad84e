/** A frame of a client: what it holds, and whether the proxy may pass it on as bytes, which every parser has to read alike. */

import { scanClientFrame, scanRelayFrame, writeMessage } from '../../../adapters/relays/proxy/frame-scan.ts'
import { readFrame } from '../../../adapters/relays/server/client-frame.ts'
import { costOfJson } from '../../../plugin/json-cost.ts'
import { parseJson } from '../../../plugin/nostr/messages.ts'
import { isWellFormed } from '../../support/well-formed.ts'
import { CAST_WORDS, STOCKED } from '../cast.ts'
import { kindsReadIn } from '../kind-readers.ts'
import { demand, lines, type Target } from '../target.ts'

const MAX_BYTES = 8192
const note = { id: 'x', pubkey: 'y', created_at: 1, kind: 1, tags: [['k', '443']], content: 'kind', sig: 'z' }

export const target: Target = {
  name: 'client-frame',
  seeds: [
    lines(['EVENT', note]),
    lines(['EVENT', STOCKED[0]]),
    lines(['EVENT', 'sub', note]),
    lines(['REQ', 'sub', { kinds: [1] }]),
    lines(['NEG-MSG', 'sub', '61']),
    lines(['COUNT', 'sub', { ...note, Kind: 443, '\u212aind': 1 }]),
    Buffer.from(`["EVENT",{"kind":1,"content":"\\u006bind\\"kind\\":443","\\x6bind":443}]`),
    Buffer.from(`["REQ","${'x'.repeat(64)}",${'['.repeat(100)}`),
    Buffer.from(`["EVENT",{"kind":1,"tags":[${'[],'.repeat(9000)}[]]}]`),
  ],
  words: [
    ...CAST_WORDS,
    ...[
      '["EVENT",{',
      '["EVENT","sub",{',
      '"kind":',
      '"kind":443,',
      '"KIND":443,',
      '"Kind":',
      '\\u006b',
      '\\x6b',
      '\\"',
      '"k\\u0069nd":443,',
    ],
    ...['["NEG-MSG",', '["NEG-CLOSE",', 'nd"', '443', '30443', '1e0', '1.0', '}', ']', '\u212a', 'K'],
  ],
  shortRun: 800,
  run(input) {
    const isTooLarge = input.length > MAX_BYTES
    const content = readFrame(input, MAX_BYTES)
    const parsed = parseJson(input.toString())
    if (content.outcome === 'refused') {
      demand(
        content.replies.length > 0 && content.replies.every(isWellFormed),
        'a refusal is malformed',
        content,
      )
      const isMessage = Array.isArray(parsed) && typeof parsed[0] === 'string'
      demand(
        !isMessage || isTooLarge || costOfJson(input) !== undefined,
        'a message is refused',
        input.toString(),
      )
    } else {
      demand(
        !isTooLarge && JSON.stringify(content.message) === JSON.stringify(parsed),
        'read otherwise',
        content,
      )
      demandWrittenAlike(content.message)
    }
    demandOneReading(input)
  },
}

/** What the proxy writes itself has one reading, also for a parser that ignores the case of keys. */
function demandWrittenAlike(message: readonly [string, ...unknown[]]): void {
  const text = writeMessage(message)
  const [verb] = JSON.parse(text) as unknown[]
  demand(verb === message[0], 'another verb is written', message, text)
}

/** A frame that passes as bytes holds one kind, whoever reads it. */
function demandOneReading(frame: Buffer): void {
  const scan = scanClientFrame(frame)
  if (typeof scan === 'object') demandKind(frame, scan.kind)
  const [, , event] = scanRelayFrame(frame) ?? []
  if (typeof event === 'object' && event !== null && 'kind' in event) demandKind(frame, Number(event.kind))
}

function demandKind(frame: Buffer, kind: number): void {
  const read = kindsReadIn(frame.toString())
  demand(
    read.every((value) => value === kind),
    'another parser reads another kind (I4)',
    frame.toString(),
    kind,
    read,
  )
}
