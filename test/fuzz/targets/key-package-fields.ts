/** Key packages put together field by field and signed with a known key, so that the checks behind the signatures are reached. */

import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { inspect } from '../../../plugin/key-package/inspection.ts'
import { vectorHeader } from '../../../plugin/key-package/tls-reader.ts'
import { checkKeyPackage, explainKeyPackage, type RulesHere } from '../../../plugin/key-package/validate.ts'
import { isSignedEvent } from '../../../plugin/nostr/event.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { resolveOptions } from '../../../plugin/options.ts'
import { NOW } from '../../support/key-packages.ts'
import { verifyEvent } from '../../support/signing.ts'
import { alice, CAST_WORDS, expanded } from '../cast.ts'
import { demandReceivable } from '../key-package-oracle.ts'
import { demand, lines, type Target, valuesIn } from '../target.ts'

const HOUR = 3600
const SUITES = { validation: { ciphersuites: [1, 2, 3, 4, 5, 6, 7] } }
const rulesOf = (options: Parameters<typeof resolveOptions>[0]): RulesHere => ({
  ...resolveOptions(options),
  authenticatedAs: new Set([alice.pubkey]),
  verifyEvent,
})
const lenient = rulesOf(SUITES)
const marmot = rulesOf({ ...SUITES, profile: 'marmot' })

const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 7)]),
  format: 'der',
  type: 'pkcs8',
})
const publicKey = Buffer.from(String(createPublicKey(privateKey).export({ format: 'jwk' }).x), 'base64url')

/** As one line of an input has them. Bytes are in hex. */
interface Fields {
  readonly version: unknown
  readonly suite: unknown
  readonly initKey: unknown
  readonly encryptionKey: unknown
  readonly credential: unknown
  readonly identity: unknown
  readonly versions: unknown
  readonly suites: unknown
  readonly extensions: unknown
  readonly proposals: unknown
  readonly credentials: unknown
  readonly source: unknown
  readonly notBefore: unknown
  readonly notAfter: unknown
  readonly leafExtensions: unknown
  readonly packageExtensions: unknown
  /** Before and after it: the header of an MLSMessage, or what should not be there. */
  readonly head: unknown
  readonly tail: unknown
}

const DEFAULTS: Fields = {
  version: 1,
  suite: 1,
  initKey: '01'.repeat(32),
  encryptionKey: '02'.repeat(32),
  credential: 1,
  identity: '@alice',
  versions: [1],
  suites: [1],
  extensions: [10, 0xf2ee],
  proposals: [],
  credentials: [1],
  source: 1,
  notBefore: NOW - HOUR,
  notAfter: NOW + 84 * 24 * HOUR,
  leafExtensions: [],
  packageExtensions: [[10, '']],
  head: '',
  tail: '',
}
const event = {
  by: 'alice',
  kind: 443,
  tags: [
    ['encoding', 'base64'],
    ['mls_protocol_version', '1.0'],
    ['mls_ciphersuite', '0x0001'],
  ],
}
const slot = {
  by: 'alice',
  kind: 30443,
  tags: [
    ['d', 'ab'.repeat(32)],
    ['mls_protocol_version', '1.0'],
    ['mls_ciphersuite', '0x0001'],
    ['mls_extensions', '0x0006'],
    ['mls_proposals', '0x0008', '0x000a'],
    ['app_components', '0x8001'],
  ],
}
const components = [6, '0d' + '0001' + '03' + '02' + '8001' + '8009' + '02' + 'abcd' + '00']

export const target: Target = {
  name: 'key-package-fields',
  seeds: [
    lines(DEFAULTS, event),
    lines({ ...DEFAULTS, head: '00010005', identity: Buffer.from(alice.pubkey).toString('hex') }, event),
    lines(
      { ...DEFAULTS, suite: 3, suites: [3, 1], packageExtensions: [] },
      { ...event, tags: event.tags.with(2, ['ciphersuite', '3']) },
    ),
    lines(
      {
        ...DEFAULTS,
        extensions: [6],
        packageExtensions: [[6, '03000400']],
        leafExtensions: [components],
        proposals: [8, 10],
        head: '00010005',
      },
      slot,
    ),
    lines(
      {
        ...DEFAULTS,
        leafExtensions: [[1, 'abcd']],
        extensions: [10, 0x0a0a],
        packageExtensions: [
          [0x0a0a, ''],
          [10, ''],
        ],
      },
      event,
    ),
    lines({ ...DEFAULTS, tail: '00' }, event),
  ],
  words: [
    ...CAST_WORDS,
    ...Object.keys(DEFAULTS),
    ...[
      '00010005',
      'encoding',
      'hex',
      'base64',
      'd',
      'i',
      'mls_extensions',
      'app_components',
      '0x0004',
      '0xf2ee',
      'ff',
    ],
    ...['tags', 'kind', 'content', `${NOW}`, '0x0001', '0x0003', '30443', '2570', '61440'],
  ],
  shortRun: 80,
  async run(input) {
    const [fields, about] = valuesIn(input)
    const bytes = keyPackageOf({ ...DEFAULTS, ...objectOf(expanded(fields)) })
    const made = expanded({ ...event, content: bytes.toString('base64'), ...objectOf(about), by: 'alice' })
    inspect(made, verifyEvent, NOW)
    if (!isSignedEvent(made)) return
    const answer = answerTo(made, lenient)
    if (answer === 'accepted') await demandReceivable(made, NOW)
    else demand(answerTo(made, marmot) !== 'accepted', 'stricter rules accept more', made, answer)
  },
}

function answerTo(made: SignedEvent, rules: RulesHere): string {
  const { checks } = explainKeyPackage(made, rules, NOW)
  const [first] = checks.flatMap((check) => (check.outcome === 'refused' ? [check.refusal.message] : []))
  try {
    checkKeyPackage(made, rules, NOW)
    demand(first === undefined, 'accepted, and explained as refused', made, first)
    return 'accepted'
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    demand(error.message === first, 'refused otherwise than explained', made, error.message, first)
    return error.message
  }
}

function objectOf(value: unknown): object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
}

function keyPackageOf(fields: Fields): Buffer {
  const leaf = Buffer.concat([
    opaque(fields.encryptionKey),
    vector(publicKey),
    uint16(fields.credential),
    opaque(fields.identity),
    ...[fields.versions, fields.suites, fields.extensions, fields.proposals, fields.credentials].map(codes),
    Buffer.of(numberOf(fields.source) & 0xff),
    uint64(fields.notBefore),
    uint64(fields.notAfter),
    extensions(fields.leafExtensions),
  ])
  const tbs = Buffer.concat([
    uint16(fields.version),
    uint16(fields.suite),
    opaque(fields.initKey),
    leaf,
    signature('LeafNodeTBS', leaf),
    extensions(fields.packageExtensions),
  ])
  return Buffer.concat([bytesOf(fields.head), tbs, signature('KeyPackageTBS', tbs), bytesOf(fields.tail)])
}

/** SignWithLabel of RFC 9420 section 5.1.2, as a vector. */
function signature(label: string, content: Buffer): Buffer {
  return vector(
    sign(null, Buffer.concat([vector(Buffer.from(`MLS 1.0 ${label}`)), vector(content)]), privateKey),
  )
}

function vector(bytes: Uint8Array): Buffer {
  return Buffer.concat([vectorHeader(bytes.length), bytes])
}

function bytesOf(hex: unknown): Buffer {
  return typeof hex === 'string' ? Buffer.from(hex, 'hex') : Buffer.alloc(0)
}

function opaque(hex: unknown): Buffer {
  return vector(bytesOf(hex))
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? Math.trunc(value) : 0
}

function uint16(value: unknown): Buffer {
  const number = numberOf(value)
  return Buffer.of((number >> 8) & 0xff, number & 0xff)
}

function uint64(value: unknown): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(numberOf(value))))
  return bytes
}

function codes(list: unknown): Buffer {
  return vector(Buffer.concat((Array.isArray(list) ? list : []).map(uint16)))
}

function extensions(list: unknown): Buffer {
  const each = (Array.isArray(list) ? list : []).map((item) => (Array.isArray(item) ? item : []))
  return vector(Buffer.concat(each.flatMap(([type, data]) => [uint16(type), opaque(data)])))
}
