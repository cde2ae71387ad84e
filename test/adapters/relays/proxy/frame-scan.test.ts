/** Which frames pass unparsed: only those in which every parser finds the same kind (I4). */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  scanClientFrame,
  scanRelayFrame,
  writeMessage,
} from '../../../../adapters/relays/proxy/frame-scan.ts'

const client = (text: string) => scanClientFrame(Buffer.from(text))
const relay = (text: string) => scanRelayFrame(Buffer.from(text))

describe('an EVENT with a plain kind', () => {
  it('is recognised by its kind', () => {
    expect(client('["EVENT",{"kind":1}]')).toEqual({ kind: 1 })
    expect(client('["EVENT",{"id":"a","kind":443,"content":"\\n\\"é🌍"}]')).toEqual({ kind: 443 })
    expect(relay('["EVENT","sub",{"kind":30443,"tags":[]}]')).toEqual(['EVENT', 'sub', { kind: 30443 }])
    expect(relay('["EVENT","a b/c",{"kind":0}]')).toEqual(['EVENT', 'a b/c', { kind: 0 }])
  })

  it('is never one in which another parser finds another kind', () => {
    const key = fc.oneof(
      fc.constantFrom('kind', 'Kind', 'KIND', 'k\u0131nd', '\u212aind', 'wind', 'id', 'content', 'tags'),
      fc.string(),
    )
    const value = fc.oneof(
      fc.nat(70_000),
      fc.constantFrom('kind', '"kind":443,', '\\u006bind', '{"kind":443}'),
      fc.string(),
    )
    const members = fc.array(fc.tuple(key, value), { maxLength: 6 })
    fc.assert(
      fc.property(members, fc.nat(70_000), (others, kind) => {
        const written = [...others, ['kind', kind] as const].map(
          ([name, content]) => `${JSON.stringify(name)}:${JSON.stringify(content)}`,
        )
        const scan = client(`["EVENT",{${written.join(',')}}]`)
        const kinds = others.filter(
          ([name]) => name.toUpperCase().toLowerCase() === 'kind' && name !== 'k\u0131nd',
        )
        if (typeof scan === 'object') expect([scan.kind, kinds]).toEqual([kind, []])
      }),
      { seed: 443, numRuns: 2000 },
    )
  })
})

describe('a frame that has to be parsed', () => {
  const events = [
    ['two kinds', '{"kind":1,"kind":443}'],
    ['a capitalised kind beside it', '{"kind":1,"Kind":443}'],
    ['all capitals', '{"KIND":443,"kind":1}'],
    ['mixed capitals', '{"kiNd":443,"kind":1}'],
    ['a Kelvin sign', '{"\u212aind":443,"kind":1}'],
    ['a Kelvin sign, escaped', '{"\\u212aind":443,"kind":1}'],
    ['an escaped letter', '{"\\u006bind":443,"kind":1}'],
    ['an escaped letter in the middle', '{"k\\u0069nd":443,"kind":1}'],
    ['an escaped last letter', '{"kin\\u0064":443,"kind":1}'],
    ['an escaped capital', '{"kin\\u0044":443,"kind":1}'],
    ['a hexadecimal escape', '{"\\x6bind":443,"kind":1}'],
    ['a space before the colon', '{"kind" :443}'],
    ['a space after it', '{"kind": 443}'],
    ['a line break', '{"kind":\n443}'],
    ['a fraction', '{"kind":443.0}'],
    ['an exponent', '{"kind":4.43e2}'],
    ['a leading zero', '{"kind":0443}'],
    ['a sign', '{"kind":+443}'],
    ['a string', '{"kind":"443"}'],
    ['no kind', '{"content":"x"}'],
    ['a nested kind', '{"tags":{"kind":1},"kind":443}'],
    ['a tag named kind', '{"kind":1,"tags":[["kind","443"]]}'],
    ['a longer key', '{"mankind":1,"kind":443}'],
    ['six digits', '{"kind":100443}'],
  ] as const

  it.each(events)('%s', (_, event) => {
    expect(client(`["EVENT",${event}]`)).toBe('parse')
    expect(relay(`["EVENT","sub",${event}]`)).toBeUndefined()
  })

  it.each([
    '',
    '[]',
    '{}',
    ' ["EVENT",{"kind":1}]',
    '["EVENT", {"kind":1}]',
    '["\\u0045VENT",{"kind":1}]',
    '["event",{"kind":1}]',
    '\ufeff["EVENT",{"kind":1}]',
    '["REQ","s",{"kinds":[1]}]',
    '["COUNT","s",{}]',
    '["NEG-OPEN","s",{}]',
    '["CLOSE","s"]',
    '["AUTH",{"kind":1}]',
    '["NEG-MSG"]',
    '["OTHER",{"kind":1}]',
  ])('from a client: %j', (text) => {
    expect(client(text)).toBe('parse')
  })

  it.each(
    [
      '["EVENT","s",{"kind":1}',
      '["EVENT","s", {"kind":1}]',
      '["EVENT","\\u0073",{"kind":1}]',
      '["EVENT","s\\",{"kind":1}]',
      '["EVENT","é",{"kind":1}]',
      '["EVENT","",{"kind":1}]',
      '["EVENT",7,{"kind":1}]',
      '["EOSE","s"]',
      '["OK","id",true,""]',
    ].slice(1),
  )('from a relay: %j', (text) => {
    expect(relay(text)).toBeUndefined()
  })
})

describe('negentropy in progress', () => {
  it('passes in both directions', () => {
    expect(client('["NEG-MSG","s","6100"]')).toBe('pass')
    expect(client('["NEG-CLOSE","s"]')).toBe('pass')
    expect(relay('["NEG-MSG","s","6100"]')).toEqual(['NEG-MSG'])
  })
})

describe('a message that was parsed', () => {
  it('is written so that every parser reads the same', () => {
    const parsed = JSON.parse(
      '["EVENT",{"kind":443,"kind":1,"Kind":443,"\\u212aind":443,"KINDS":[],"#E":["x"],"Ots":1}]',
    )
    expect(writeMessage(parsed)).toBe('["EVENT",{"kind":1,"#E":["x"],"Ots":1}]')
    expect(writeMessage(['REQ', 's', { kinds: [1], 'kind\u017f': [443], Authors: [] }])).toBe(
      '["REQ","s",{"kinds":[1]}]',
    )
  })

  it('is written unchanged where no key is ambiguous', () => {
    const message: [string, ...unknown[]] = ['X', null, 7, 'Kind', [{ Kind: 1 }], { __proto__: null, id: 1 }]
    expect(writeMessage(message)).toBe(JSON.stringify(message))
  })
})
