/**
 * The rules of the Marmot specification for kind 30443, beyond those for every key package (its transports/nostr.md and
 * foundation/key-packages.md). Each gives a sentence where an event breaks it.
 */

import { Refusal } from '../nostr/refusal.ts'
import type { Draft } from './checks.ts'
import { ACCOUNT_PROOF, APP_COMPONENTS, codeOf, LAST_RESORT_COMPONENT, showCode } from './codes.ts'
import { isMessage, type KeyPackage } from './decode.ts'
import { DEFAULT_EXTENSIONS, findComponent, LAST_RESORT_EXTENSIONS, readComponentIds } from './extensions.ts'
import { SLOT_KIND } from './kinds.ts'

/** The sentence about a broken rule; undefined if it is kept, or what it is about could not be read. */
type Rule = (draft: Draft) => string | undefined

const SINGLE_TAGS = ['d', 'mls_protocol_version', 'i']
const LIST_TAGS = ['mls_ciphersuite', 'mls_extensions', 'mls_proposals', 'app_components']

/** Proposal types that need no listing (RFC 9420 section 7.2). */
const DEFAULT_PROPOSALS: readonly number[] = [1, 2, 3, 4, 5, 6, 7]

/** The account's pubkey, a time and a signature. */
const ACCOUNT_PROOF_BYTES = 104

const MAX_LIFETIME_SECONDS = 84 * 86_400 + 3600

const RULES: readonly Rule[] = [
  isStandardBase64,
  isFramed,
  hasNoEncodingTag,
  ...[...SINGLE_TAGS, ...LIST_TAGS].map(occursOnce),
  ...SINGLE_TAGS.map(hasOneValue),
  ...LIST_TAGS.map(listsIds),
  hasProtocolVersion,
  hasRandomSlot,
  ofKeyPackage(hasRawIdentity),
  ofKeyPackage(({ leafNode }, draft) =>
    lists(draft, 'mls_extensions', leafNode.capabilities.extensions, DEFAULT_EXTENSIONS),
  ),
  ofKeyPackage(({ leafNode }, draft) =>
    lists(draft, 'mls_proposals', leafNode.capabilities.proposals, DEFAULT_PROPOSALS),
  ),
  namesAccountProof,
  ofKeyPackage(supportsComponents),
  ofKeyPackage(provesAccount),
  ofKeyPackage(hasNoLastResortExtension),
  ofKeyPackage(isLastResort),
  ofKeyPackage(endsInTime),
]

/** Everything in an event of kind 30443 that the specification forbids. */
export function marmotFaults(draft: Draft): string[] {
  return RULES.flatMap((rule) => rule(draft) ?? [])
}

/** @throws Refusal of the first rule that is broken */
export function checkMarmot(draft: Draft): 'passed' | 'skipped' {
  const { event, rules } = draft
  if (event.kind !== SLOT_KIND || rules.validation.tags === 'lenient') return 'skipped'
  const [fault] = marmotFaults(draft)
  if (fault === undefined) return 'passed'
  throw new Refusal('invalid', fault)
}

function isStandardBase64({ content }: Draft): string | undefined {
  return content === undefined || content.form === 'base64'
    ? undefined
    : 'content must be base64 in the standard alphabet, with padding'
}

function isFramed({ content }: Draft): string | undefined {
  return content === undefined || isMessage(content.bytes)
    ? undefined
    : 'content must be an MLSMessage that holds the KeyPackage, not the bare KeyPackage'
}

function hasNoEncodingTag({ tags }: Draft): string | undefined {
  return tags.encodings.length > 0 ? 'there must be no encoding tag' : undefined
}

function occursOnce(name: string): Rule {
  return (draft) => (tagsNamed(draft, name).length === 1 ? undefined : `exactly one ${name} tag is required`)
}

function hasOneValue(name: string): Rule {
  return (draft) => {
    const isSingle = tagsNamed(draft, name).every((values) => values.length === 1)
    return isSingle ? undefined : `the ${name} tag must have exactly one value`
  }
}

function listsIds(name: string): Rule {
  return (draft) => {
    const [values] = tagsNamed(draft, name)
    if (values === undefined) return undefined
    if (values.length === 0) return `the ${name} tag must have at least one value`
    const wrong = values.find((value) => !/^0x[0-9a-f]{4}$/.test(value))
    if (wrong !== undefined) {
      return `the ${name} tag must have values of 0x and four lower-case hex digits, not "${wrong.slice(0, 32)}"`
    }
    const twice = values.find((value, index) => values.indexOf(value) < index)
    return twice === undefined ? undefined : `the ${name} tag must not have ${twice} twice`
  }
}

function hasProtocolVersion({ tags }: Draft): string | undefined {
  const isFirst = tags.protocolVersions.every((version) => version === '1.0')
  return isFirst ? undefined : 'the mls_protocol_version tag must be 1.0'
}

function hasRandomSlot({ tags }: Draft): string | undefined {
  const isRandom = tags.slots.every((slot) => /^[0-9a-f]{64}$/.test(slot))
  return isRandom ? undefined : 'the d tag must be 64 lower-case hex digits'
}

function hasRawIdentity({ leafNode }: KeyPackage): string | undefined {
  return leafNode.credential.data.length === 32
    ? undefined
    : "the credential's identity must be the pubkey's 32 bytes"
}

/** Whether a tag lists what the leaf supports, apart from what needs no listing. */
function lists(
  draft: Draft,
  name: string,
  supported: readonly number[],
  defaults: readonly number[],
): string | undefined {
  const [values] = tagsNamed(draft, name)
  if (values === undefined) return undefined
  const isListed = (code: number) => !defaults.includes(code) && !isGrease(code)
  const inTag = values.flatMap((value) => codeOf(value) ?? []).filter(isListed)
  const inLeaf = supported.filter(isListed)
  if (inTag.every((code) => inLeaf.includes(code)) && inLeaf.every((code) => inTag.includes(code))) {
    return undefined
  }
  const expected = inLeaf.length > 0 ? inLeaf.map(showCode).join(', ') : 'nothing'
  return `the ${name} tag must list what the capabilities of the leaf do: ${expected}`
}

function namesAccountProof(draft: Draft): string | undefined {
  const [values] = tagsNamed(draft, 'app_components')
  return values === undefined || values.includes(showCode(ACCOUNT_PROOF))
    ? undefined
    : 'the app_components tag must have 0x8009'
}

function supportsComponents({ leafNode }: KeyPackage, draft: Draft): string | undefined {
  const list = findComponent(leafNode.extensions, APP_COMPONENTS)
  const supported = list && readComponentIds(list)
  if (supported === undefined) return 'the leaf must list the components it supports (component 0x0001)'
  const [values = []] = tagsNamed(draft, 'app_components')
  const missing = values.find((value) => !supported.some((id) => id === codeOf(value)))
  return missing === undefined
    ? undefined
    : `the app_components tag has ${missing}, which is not among the components of the leaf`
}

/** Its signature is left to receivers: it says nothing about the event, and the credential names the author already. */
function provesAccount({ leafNode }: KeyPackage, { event }: Draft): string | undefined {
  const proof = findComponent(leafNode.extensions, ACCOUNT_PROOF)
  const isThere = proof?.length === ACCOUNT_PROOF_BYTES
  return isThere && Buffer.from(proof.subarray(0, 32)).toString('hex') === event.pubkey
    ? undefined
    : "the leaf must hold the account's proof (component 0x8009, 104 bytes)"
}

function hasNoLastResortExtension({ extensions }: KeyPackage): string | undefined {
  const extension = extensions.find(({ type }) => LAST_RESORT_EXTENSIONS.includes(type))
  return extension === undefined
    ? undefined
    : `last resort must be component 0x0004, not extension ${showCode(extension.type)}`
}

function isLastResort({ extensions }: KeyPackage): string | undefined {
  return findComponent(extensions, LAST_RESORT_COMPONENT) === undefined
    ? 'the KeyPackage must be a last resort (component 0x0004 in its app_data_dictionary)'
    : undefined
}

function endsInTime({ leafNode }: KeyPackage): string | undefined {
  return leafNode.notAfter - leafNode.notBefore > MAX_LIFETIME_SECONDS
    ? 'the lifetime of the KeyPackage must be at most 84 days and one hour'
    : undefined
}

/** A rule that holds if the KeyPackage was not decoded. */
function ofKeyPackage(rule: (keyPackage: KeyPackage, draft: Draft) => string | undefined): Rule {
  return (draft) => (draft.keyPackage === undefined ? undefined : rule(draft.keyPackage, draft))
}

/** The values of each tag with this name. */
function tagsNamed({ event }: Draft, name: string): string[][] {
  return event.tags.filter((tag) => tag[0] === name).map((tag) => tag.slice(1))
}

/** Capabilities hold such values at random; no tag names them (RFC 9420 section 13.5). */
function isGrease(code: number): boolean {
  return (code & 0x0f0f) === 0x0a0a && code >> 8 === (code & 0xff) && code !== 0xfafa
}
