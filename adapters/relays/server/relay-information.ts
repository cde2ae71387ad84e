/**
 * The relay information document (NIP-11): the standalone server's own, and the upstream relay's with our limits added.
 */

import { readSubject } from '../../../plugin/access/subjects.ts'
import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import { MAX_SUBSCRIPTION_ID_LENGTH } from '../../../plugin/request/subscriptions.ts'
import { ownLimits } from './client-limits.ts'
import type { ServerOptions } from './server-options.ts'

/** NIP-01, 9 and 62 deletions, 11, 40 expiration, 42 AUTH, 45 COUNT, 70 protected events. */
const STANDALONE_NIPS = [1, 9, 11, 40, 42, 45, 62, 70]
/** What the gateway supports in front of any relay: this document, and AUTH (NIP-42). */
const PROXY_NIPS = [11, 42]
/** NIP-11: the URL of the project. */
const SOFTWARE = 'https://github.com/keypackage-gateway/keypackage-gateway'

/** The media type of the document (NIP-11). */
export const NOSTR_JSON = 'application/nostr+json'
/**
 * NIP-11: web apps of any origin may read it, and send what NIP-98 needs. `*` does not stand for Authorization (Fetch standard,
 * section 3.3.5).
 */
export const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': '*, Authorization',
  'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
}

interface Document {
  readonly [field: string]: unknown
}

export interface OwnDocument {
  readonly gateway: Pick<KeyPackageGateway, 'options' | 'relayInformation' | 'changedInformation'>
  readonly options: ServerOptions
  /** NIPs that are supported besides, over HTTP. */
  readonly nips?: readonly number[] | undefined
}

export interface StandaloneInformation extends OwnDocument {
  /** Of this software. */
  readonly version: string
}

/** The document of a server without an upstream relay. */
export async function standaloneInformation(settings: StandaloneInformation): Promise<object> {
  const { gateway, options, version, nips = [] } = settings
  const { maxMessageBytes, maxSubscriptions } = ownLimits(options)
  return {
    name: options.name,
    description: options.description,
    ...operatorSays(options),
    ...(await gateway.changedInformation()),
    software: SOFTWARE,
    version,
    supported_nips: union(STANDALONE_NIPS, nips),
    limitation: {
      max_message_length: maxMessageBytes,
      max_subscriptions: maxSubscriptions,
      max_subid_length: MAX_SUBSCRIPTION_ID_LENGTH,
      auth_required: gateway.options.requester === 'auth',
      payment_required: false,
      restricted_writes: true,
    },
    ...gateway.relayInformation(),
  }
}

/**
 * The upstream relay's document with the gateway's limits; of two limits, the stricter one. What the relay does not say about
 * itself is as the `server` settings say, and what operators have changed at run time is as they said last.
 * @param relay the upstream relay's document; anything that is not a JSON object counts as none
 */
export async function mergedInformation(
  relay: unknown,
  { gateway, options, nips = [] }: OwnDocument,
): Promise<object> {
  const { name, description } = options
  const document = isDocument(relay) ? relay : { name, description }
  const { supported_mips, key_packages } = gateway.relayInformation()
  const limitation = isDocument(document.limitation) ? document.limitation : {}
  const unsaid = ownLimits(options).maxMessageBytes
  return {
    ...operatorSays(options),
    ...document,
    ...(await gateway.changedInformation()),
    supported_nips: union(document.supported_nips, [...PROXY_NIPS, ...nips]),
    ...(supported_mips && { supported_mips: union(document.supported_mips, supported_mips) }),
    limitation: {
      ...limitation,
      max_message_length: stricter(limitation.max_message_length, options.maxMessageBytes) ?? unsaid,
      max_subscriptions: stricter(limitation.max_subscriptions, options.maxSubscriptions),
      max_subid_length: stricter(limitation.max_subid_length, MAX_SUBSCRIPTION_ID_LENGTH),
      restricted_writes: true,
    },
    key_packages,
  }
}

/** What the settings say about the relay, where they say something. */
function operatorSays(options: ServerOptions): Document {
  const { banner, icon, pubkey = '', contact, termsOfService } = options
  return {
    banner,
    icon,
    pubkey: readSubject(pubkey),
    contact,
    terms_of_service: termsOfService,
  }
}

/** The numbers that the relay lists and ours, each once and in order. */
function union(listed: unknown, ours: readonly number[]): unknown[] {
  const theirs: unknown[] = Array.isArray(listed) ? listed : []
  return [...new Set([...theirs, ...ours])].sort((a, b) => Number(a) - Number(b))
}

/** Undefined where neither says one. */
function stricter(limit: unknown, ours: number | undefined): number | undefined {
  const theirs = typeof limit === 'number' && limit > 0 ? limit : undefined
  return theirs === undefined || ours === undefined ? (theirs ?? ours) : Math.min(theirs, ours)
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
