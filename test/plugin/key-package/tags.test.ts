/** The tags of a key package event, in old and new spellings. */

import { describe, expect, it } from '@jest/globals'
import { codeOf } from '../../../plugin/key-package/codes.ts'
import { readTags } from '../../../plugin/key-package/tags.ts'
import { signEvent } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'

const read = (...tags: string[][]) =>
  readTags(signEvent(person().secretKey, { kind: 443, created_at: 1, tags, content: '' }))

describe('the ciphersuite', () => {
  it.each([
    ['mls_ciphersuite', '0x0001'],
    ['ciphersuite', '0x0001'],
    ['mls_ciphersuite', '0x1'],
    ['mls_ciphersuite', '1'],
    ['mls_ciphersuite', ' 0X0001 '],
  ])('is 1 in %s: %s', (name, value) => {
    expect(read([name, value]).ciphersuites).toEqual([1])
  })

  it.each(['', 'one', '0x', '0x10000', '65536', '000a', '-1', '1.0', '1e1'])(
    'cannot be read in "%s"',
    (value) => {
      expect(read(['mls_ciphersuite', value]).ciphersuites).toEqual([undefined])
    },
  )

  it('is returned once for each tag, so that contradictions are seen', () => {
    expect(read(['mls_ciphersuite', '0x0001'], ['ciphersuite', '2']).ciphersuites).toEqual([1, 2])
  })
})

describe('last_resort', () => {
  it.each([
    [['mls_extensions', '0xf2ee', '0x000a']],
    [['mls_extensions', '0x000A']],
    [['mls_extensions', '10']],
    [['mls_extensions', '0xF000']],
    [['extensions', '0x0001,0xf000']],
    [['extensions', '0x0001, 0x000a']],
    [['extensions', 'required_capabilities', 'last_resort']],
  ])('is announced by %j', (tag) => {
    expect(read(tag).announcesLastResort).toBe(true)
  })

  it.each([
    [['mls_extensions', '0xf2ee']],
    [['mls_extensions']],
    [['extensions', '0x0001, 0x0002']],
    [['other', '0x000a']],
  ])('is not announced by %j', (tag) => {
    expect(read(tag).announcesLastResort).toBe(false)
  })
})

describe('the other tags', () => {
  it('are read', () => {
    expect(
      read(
        ['mls_protocol_version', '1.0'],
        ['encoding', 'base64'],
        ['expiration', '1700000000'],
        ['exp', 'soon'],
        ['relays', 'wss://a.example', 'wss://b.example'],
        ['i', 'ref'],
        ['d', 'slot'],
        ['p', 'pubkey'],
        ['-'],
      ),
    ).toMatchObject({
      protocolVersions: ['1.0'],
      encodings: ['base64'],
      expirations: [1_700_000_000, undefined],
      relays: ['wss://a.example', 'wss://b.example'],
      refs: ['ref'],
      slots: ['slot'],
      pubkeys: ['pubkey'],
    })
  })

  it('with one letter can be used in filters, by their first value (NIP-01)', () => {
    const tags = read(
      ['i', 'ref', 'more'],
      ['A', 'b'],
      ['t'],
      ['-', 'x'],
      ['1', 'x'],
      ['relays', 'wss://a.example'],
    )
    expect(tags.letters).toEqual([
      ['i', 'ref'],
      ['A', 'b'],
    ])
  })

  it('without a value are read as an empty string', () => {
    expect(read(['encoding'], ['d'])).toMatchObject({ encodings: [''], slots: [''] })
  })

  it('without a name are ignored', () => {
    expect(read([]).letters).toEqual([])
  })
})

describe('a code', () => {
  it('has 16 bits', () => {
    expect([codeOf('0'), codeOf('65535'), codeOf('0xffff')]).toEqual([0, 65_535, 65_535])
  })
})
