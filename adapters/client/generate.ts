/** Generates KeyPackages of each generation of clients: what Marmot's documents, old and new, require of them. */

import type { Signer } from 'nostr-tools/signer'
import { hexToBytes } from 'nostr-tools/utils'
import {
  type Capabilities,
  type CiphersuiteImpl,
  type CiphersuiteName,
  type Extension,
  generateKeyPackageWithKey,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
} from 'ts-mls'
import {
  ACCOUNT_PROOF,
  APP_COMPONENTS,
  LAST_RESORT,
  LAST_RESORT_COMPONENT,
} from '../../plugin/key-package/codes.ts'
import { proveAccount } from './account-proof.ts'
import { appDataDictionary, componentsList, SAFE_AAD } from './components.ts'
import { type Generation, REQUIREMENTS } from './generation.ts'
import type { CompleteKeyPackage } from './mls.ts'
import { checkPubkey } from './settings.ts'

/** What `generateKeyPackage` puts into a KeyPackage. */
export interface GenerateSettings {
  /** The author's pubkey, 64 lower-case hex characters; it becomes the identity of the credential. */
  readonly pubkey: string
  /** Default: `marmot`. The client that publishes the package needs the same setting. */
  readonly generation?: Generation
  /**
   * `marmot` alone: signs the proof that the account has authorised the package's signature key (component 0x8009).
   * Marmot clients refuse to add a member without it. Default: no proof.
   */
  readonly signer?: Signer
  /** `marmot` alone: the application components that the app supports. Default: 0x8001, 0x8003 and 0x8004. */
  readonly components?: readonly number[]
  /**
   * A name of ts-mls, or its implementation. Default: 0x0001, the only one that Marmot, and a gateway with default
   * settings, accept.
   */
  readonly ciphersuite?: CiphersuiteName | CiphersuiteImpl
  /**
   * How long it is valid, in seconds from `now` (RFC 9420 section 7.2). Default: 84 days, the most that Marmot allows;
   * 90 days for older generations.
   */
  readonly lifetimeSeconds?: number
  /** Seconds since the epoch. Default: the clock of the machine. */
  readonly now?: number
  /**
   * What the app and its MLS library can do. What the generation requires is added to it. Default:
   * `defaultCapabilities(generation)`.
   */
  readonly capabilities?: Capabilities
  /** Extensions of the KeyPackage. Default: `keyPackageDefaultExtensions(generation)`. */
  readonly extensions?: readonly Extension[]
}

const CIPHERSUITE: CiphersuiteName = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'
/** It is valid from an hour earlier, for members whose clocks are slow. */
const CLOCK_SKEW_SECONDS = 3600

/**
 * Generates a KeyPackage as its generation requires: basic credential, last resort, ciphersuite 0x0001.
 * @throws Error if the pubkey is not valid, or the signer is another account
 */
export async function generateKeyPackage({
  pubkey,
  generation = 'marmot',
  signer,
  components = REQUIREMENTS[generation].components,
  ciphersuite = CIPHERSUITE,
  lifetimeSeconds = REQUIREMENTS[generation].lifetimeSeconds,
  now = Math.floor(Date.now() / 1000),
  capabilities = defaultCapabilities(generation),
  extensions = keyPackageDefaultExtensions(generation),
}: GenerateSettings): Promise<CompleteKeyPackage> {
  checkPubkey(pubkey)
  const suite =
    typeof ciphersuite === 'string'
      ? await getCiphersuiteImpl(getCiphersuiteFromName(ciphersuite))
      : ciphersuite
  const keys = await suite.signature.keygen()
  const proof = { pubkey, ciphersuite: suite.name, signatureKey: keys.publicKey, createdAt: now }
  return generateKeyPackageWithKey(
    { credentialType: 'basic', identity: hexToBytes(pubkey) },
    ensureMarmotCapabilities(capabilities, generation),
    { notBefore: BigInt(now - CLOCK_SKEW_SECONDS), notAfter: BigInt(now + lifetimeSeconds) },
    [...extensions],
    keys,
    suite,
    generation === 'marmot'
      ? [leafDictionary(components, signer && (await proveAccount(signer, proof)))]
      : [],
  )
}

/** Only what says last resort: a gateway hands such a package out last (RFC 9420 section 16.8). */
export function keyPackageDefaultExtensions(generation: Generation = 'marmot'): Extension[] {
  const empty = new Uint8Array()
  if (generation === 'marmot') return [appDataDictionary(new Map([[LAST_RESORT_COMPONENT, empty]]))]
  return [{ extensionType: LAST_RESORT, extensionData: empty }]
}

/** The least that a client of this generation supports. */
export function defaultCapabilities(generation: Generation = 'marmot'): Capabilities {
  return ensureMarmotCapabilities(
    { versions: [], ciphersuites: [], extensions: [], proposals: [], credentials: [] },
    generation,
  )
}

/** Adds what the generation requires and is missing. */
export function ensureMarmotCapabilities(
  capabilities: Capabilities,
  generation: Generation = 'marmot',
): Capabilities {
  const { extensions, proposals } = REQUIREMENTS[generation]
  return {
    versions: union(capabilities.versions, ['mls10']),
    ciphersuites: union(capabilities.ciphersuites, [CIPHERSUITE]),
    extensions: union(capabilities.extensions, extensions),
    proposals: union(capabilities.proposals, proposals),
    credentials: union(capabilities.credentials, ['basic']),
  }
}

/** What the leaf node of a Marmot client says of application components. */
function leafDictionary(components: readonly number[], proof: Uint8Array | undefined): Extension {
  const supported = [APP_COMPONENTS, ...components, ...(proof === undefined ? [] : [ACCOUNT_PROOF])]
  return appDataDictionary(
    new Map([
      [APP_COMPONENTS, componentsList(supported)],
      [SAFE_AAD, componentsList([])],
      ...(proof === undefined ? [] : [[ACCOUNT_PROOF, proof] as const]),
    ]),
  )
}

function union<Item>(own: readonly Item[], required: readonly Item[]): Item[] {
  return [...new Set([...own, ...required])]
}
