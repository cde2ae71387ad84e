/** The checks of a key package event. Each throws a Refusal or lets the event pass. */

import { createHash } from 'node:crypto'
import { serializeEvent } from 'nostr-tools/pure'
import { checkProtection } from '../nostr/auth.ts'
import { checkNotAhead } from '../nostr/event.ts'
import type { SignedEvent } from '../nostr/messages.ts'
import { Refusal } from '../nostr/refusal.ts'
import type { Options } from '../options.ts'
import { showCode } from './codes.ts'
import {
  BASIC_CREDENTIAL,
  decodeKeyPackage,
  type KeyPackage,
  type KeyPackageRef,
  keyPackageRef,
  withoutMessageHeader,
} from './decode.ts'
import { type Content, defaultEncoding, type Encoding, isEncoding, readContent } from './encoding.ts'
import { carriesLastResort } from './extensions.ts'
import { KEY_PACKAGE_KIND, MAX_SLOT_LENGTH, SLOT_KIND } from './kinds.ts'
import type { KeyPackageTags } from './tags.ts'

/** How far the lifetime may be from now, in seconds, because clocks differ. */
const LIFETIME_SKEW_SECONDS = 3600

/** Single-letter tags are written again whenever the author's stock changes, so their size is limited. */
const MAX_TAGS = 100
const MAX_TAG_BYTES = 16_384

/** What the checks depend on: the options, and what is known of the connection. */
export interface KeyPackageRules extends Pick<Options, 'kinds' | 'validation'> {
  readonly stock: Pick<Options['stock'], 'ttlSeconds'>
  /** The pubkeys that the publisher has authenticated (NIP-42). */
  readonly authenticatedAs: ReadonlySet<string>
  /** Why the author may not publish here, or nobody from that address; left out if they may. */
  readonly blocked?: Refusal
}

/** An event, and what the checks have found so far. */
export interface Draft {
  readonly event: SignedEvent
  readonly tags: KeyPackageTags
  readonly rules: KeyPackageRules
  /** Seconds since the epoch. */
  readonly now: number
  encoding?: Encoding
  content?: Content
  keyPackage?: KeyPackage
  ref?: KeyPackageRef
}

export function checkEvent({ event, rules }: Draft): void {
  if (!rules.kinds.some((kind) => kind === event.kind)) {
    throw invalid(`kind ${event.kind} is not accepted here`)
  }
  if (event.tags.length > MAX_TAGS) throw invalid(`a key package event may have at most ${MAX_TAGS} tags`)
  if (Buffer.byteLength(JSON.stringify(event.tags)) > MAX_TAG_BYTES) {
    throw invalid(`the tags of a key package event may have at most ${MAX_TAG_BYTES} bytes`)
  }
}

/** Says whether it is the id that is wrong, or the signature. */
export function refusalOfSignature(event: SignedEvent): Refusal {
  const hash = createHash('sha256').update(serializeEvent(event)).digest('hex')
  if (hash === event.id) return invalid('the signature is wrong')
  return invalid(
    'the id is not the hash of the event; an event that was re-encoded for delivery must be restored first',
  )
}

/** Rows 2 and 3 of the checks. */
export function checkSender({ event, rules }: Draft): void {
  checkProtection(event, rules.authenticatedAs)
  if (rules.blocked !== undefined) throw rules.blocked
}

export function checkTimeAndAuthor({ event, tags, now }: Draft): void {
  checkNotAhead(event, now)
  if (tags.pubkeys.some((pubkey) => pubkey !== event.pubkey)) {
    throw invalid('the p tag does not name the author')
  }
}

/** NIP-40. */
export function checkExpiration({ tags, now }: Draft): void {
  for (const expiration of tags.expirations) {
    if (expiration === undefined) {
      throw invalid('the expiration tag must be a time in seconds since the epoch')
    }
    if (expiration <= now) throw invalid('the key package has expired')
  }
}

/** Some clients leave the tag out, and old ones write `1`. */
export function checkProtocolVersion({ tags, rules }: Draft): void {
  const versions = tags.protocolVersions
  if (rules.validation.tags === 'lenient') {
    if (versions.every((version) => version === '1.0' || version === '1')) return
    throw invalid('the mls_protocol_version tag must be 1.0')
  }
  if (versions.length > 0 && versions.every((version) => version === '1.0')) return
  throw invalid('the tag ["mls_protocol_version","1.0"] is required')
}

export function readEncoding(draft: Draft): void {
  const { event, tags } = draft
  const [encoding = defaultEncoding(event.kind), ...more] = tags.encodings
  if (more.length > 0) throw invalid('there is more than one encoding tag')
  if (!isEncoding(encoding) || (event.kind === SLOT_KIND && encoding !== 'base64'))
    throw invalid(`unsupported encoding "${encoding.slice(0, 32)}"`)
  draft.encoding = encoding
}

export function decodeContent(draft: Draft): 'passed' | 'skipped' {
  const { event, encoding, rules } = draft
  if (encoding === undefined) return 'skipped'
  if (event.content === '') throw invalid('content is empty; it must hold a KeyPackage')
  const content = readContent(event.content, encoding)
  const { maxBytes } = rules.validation
  if (content.bytes.length > maxBytes) {
    throw invalid(`the key package has ${content.bytes.length} bytes; at most ${maxBytes} are accepted here`)
  }
  draft.content = content
  return 'passed'
}

export function decodeMls(draft: Draft): 'passed' | 'skipped' {
  const { content, rules } = draft
  if (content === undefined || rules.validation.mls === 'off') return 'skipped'
  draft.keyPackage = decodeKeyPackage(content.bytes)
  return 'passed'
}

export function checkCiphersuite({ ciphersuite }: KeyPackage, { tags, rules }: Draft): void {
  if (tags.ciphersuites.length === 0 && rules.validation.tags === 'strict') {
    throw invalid(`the tag ["mls_ciphersuite","${showCode(ciphersuite)}"] is required`)
  }
  for (const tagged of tags.ciphersuites) {
    if (tagged === undefined) throw invalid('the mls_ciphersuite tag must be a code such as 0x0001')
    if (tagged !== ciphersuite) {
      throw invalid(
        `the mls_ciphersuite tag says ${showCode(tagged)}, the KeyPackage ${showCode(ciphersuite)}`,
      )
    }
  }
  const allowed = rules.validation.ciphersuites
  if (allowed.includes(ciphersuite)) return
  throw invalid(
    `ciphersuite ${showCode(ciphersuite)} is not accepted here; accepted: ${allowed.map(showCode).join(', ')}`,
  )
}

/** MIP-00: the identity is the pubkey's 32 bytes; older clients wrote its 64 hex characters. */
export function checkCredential({ leafNode }: KeyPackage, { event }: Draft): void {
  const { type, data } = leafNode.credential
  if (type !== BASIC_CREDENTIAL) {
    throw invalid(`the credential has type ${showCode(type)}; it must be basic (0x0001)`)
  }
  const identity = Buffer.from(data)
  const pubkey = data.length === 64 ? identity.toString('latin1').toLowerCase() : identity.toString('hex')
  if (pubkey !== event.pubkey) throw invalid("the credential's identity is not the pubkey of the author")
}

export function checkLastResort({ event, tags, keyPackage, rules }: Draft): void {
  if (event.kind !== KEY_PACKAGE_KIND || !rules.validation.requireLastResort) return
  if (tags.announcesLastResort || (keyPackage !== undefined && carriesLastResort(keyPackage))) return
  throw invalid('neither the mls_extensions tag nor the KeyPackage says last_resort (0x000a)')
}

/** An hour of clock skew is allowed for not_before. After not_after the package cannot be used any more. */
export function checkLifetime({ event, keyPackage, rules, now }: Draft): void {
  const { ttlSeconds } = rules.stock
  if (event.created_at + ttlSeconds <= now) {
    throw invalid(`created_at is ${ttlSeconds} s or more in the past; publish a new key package`)
  }
  if (keyPackage === undefined) return
  const { notBefore, notAfter } = keyPackage.leafNode
  if (notBefore > now + LIFETIME_SKEW_SECONDS) {
    throw invalid(`the KeyPackage is not valid before ${notBefore}`)
  }
  if (notAfter <= now) throw invalid(`the KeyPackage was valid until ${notAfter}; publish a new key package`)
}

export function refusalOfMlsSignature(): Refusal {
  return invalid('a signature of the KeyPackage or its leaf node is wrong')
}

/** If the KeyPackage is not decoded, the ciphersuite is that of the tag. */
export function checkRef(draft: Draft): 'passed' | 'skipped' {
  const { content, keyPackage, tags, rules } = draft
  if (keyPackage !== undefined) {
    draft.ref = keyPackageRef(keyPackage.bytes, keyPackage.ciphersuite)
  } else if (content !== undefined && rules.validation.mls === 'off') {
    draft.ref = keyPackageRef(withoutMessageHeader(content.bytes), tags.ciphersuites[0] ?? 1)
  }
  const { ref } = draft
  if (ref === undefined) return 'skipped'
  if (tags.refs.some((tagged) => tagged !== ref)) {
    throw invalid(`the i tag is not the KeyPackageRef ${ref}`)
  }
  return 'passed'
}

export function checkSlot({ event, tags }: Draft): void {
  if (event.kind !== SLOT_KIND) return
  const [slot = '', ...more] = tags.slots
  if (slot === '' || more.length > 0)
    throw invalid('kind 30443 must have exactly one d tag, and it must not be empty')
  if (slot.length > MAX_SLOT_LENGTH) throw invalid(`the d tag may have at most ${MAX_SLOT_LENGTH} characters`)
}

function invalid(why: string): Refusal {
  return new Refusal('invalid', why)
}
