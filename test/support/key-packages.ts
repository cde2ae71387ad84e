/** Real key packages, made by ts-mls, and the Nostr events that publish them. */

import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import {
  type Capabilities,
  type CiphersuiteImpl,
  ciphersuites,
  type Extension,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  type KeyPackage,
  nobleCryptoProvider,
  type PrivateKeyPackage,
} from 'ts-mls'
import { extensionTypeToNumber } from 'ts-mls/extension.js'
import { encodeKeyPackage, generateKeyPackageWithKey } from 'ts-mls/keyPackage.js'
import { encodeMlsMessage } from 'ts-mls/message.js'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { type Place, placed } from './delivery-order.ts'
import type { Person } from './people.ts'
import { signEvent } from './signing.ts'

/** The default time of tests, in seconds since the epoch. */
export const NOW = 1_700_000_000

const HOUR = 3600
const LIFETIME = 90 * 86_400
const LAST_RESORT = 0x000a
const NOSTR_GROUP_DATA = 0xf2ee

export interface MadeKeyPackage {
  /** The bare KeyPackage, TLS-serialised. */
  readonly bytes: Uint8Array
  /** The same as an MLSMessage. */
  readonly message: Uint8Array
  readonly ciphersuite: number
  /** The package as `joinGroup` and other functions of ts-mls take it. */
  readonly impl: CiphersuiteImpl
  readonly publicPackage: KeyPackage
  readonly privatePackage: PrivateKeyPackage
}

export interface KeyPackageSettings {
  /** 1 (the default) to 7, as in RFC 9420 section 17.1. */
  readonly ciphersuite?: number
  /** The credential's identity; without it the pubkey's 32 bytes. */
  readonly identity?: Uint8Array
  /** When it is made: it is valid from an hour before, for 90 days. */
  readonly now?: number
  /** In seconds since the epoch; overrides what `now` says. */
  readonly lifetime?: { readonly notBefore: number; readonly notAfter: number }
  /** The type of the extension that says so: 0x000a, or 0xF000 in older clients. Absent if null. */
  readonly lastResort?: number | null
  /** Further KeyPackage extensions. */
  readonly extensions?: readonly Extension[]
  /** The extensions of the leaf; they may depend on its signature key. */
  readonly leafExtensions?: (signatureKey: Uint8Array) => readonly Extension[]
  /** What the leaf says that its client supports, in place of what the package needs. */
  readonly capabilities?: Partial<Capabilities>
  /** Of ciphersuite 1: its keys follow from this text, so it is the same in every run. */
  readonly seed?: string
}

/** Makes a key package with fresh random keys; takes a few milliseconds. */
export async function makeKeyPackage(
  { pubkey }: Person,
  {
    ciphersuite = 1,
    identity = Uint8Array.from(Buffer.from(pubkey, 'hex')),
    now = NOW,
    lifetime = { notBefore: now - HOUR, notAfter: now + LIFETIME },
    lastResort = LAST_RESORT,
    extensions = [],
    leafExtensions = () => [],
    capabilities = {},
    seed,
  }: KeyPackageSettings = {},
): Promise<MadeKeyPackage> {
  const random = await ciphersuiteImpl(ciphersuite)
  const impl = seed === undefined ? random : seeded(random, seed)
  const lastResortExtension =
    lastResort === null ? [] : [{ extensionType: lastResort, extensionData: new Uint8Array() }]
  const packageExtensions = [...lastResortExtension, ...extensions]
  const keys = await impl.signature.keygen()
  const inLeaf = [...leafExtensions(keys.publicKey)]
  const used = [...packageExtensions, ...inLeaf].map(({ extensionType }) =>
    extensionTypeToNumber(extensionType),
  )
  const { publicPackage, privatePackage } = await generateKeyPackageWithKey(
    { credentialType: 'basic', identity },
    {
      versions: ['mls10'],
      ciphersuites: [impl.name],
      extensions: [...new Set([LAST_RESORT, NOSTR_GROUP_DATA, ...used])],
      proposals: [],
      credentials: ['basic'],
      ...capabilities,
    },
    { notBefore: BigInt(lifetime.notBefore), notAfter: BigInt(lifetime.notAfter) },
    packageExtensions,
    keys,
    impl,
    inLeaf,
  )
  const message = encodeMlsMessage({
    version: 'mls10',
    wireformat: 'mls_key_package',
    keyPackage: publicPackage,
  })
  return { bytes: encodeKeyPackage(publicPackage), message, ciphersuite, impl, publicPackage, privatePackage }
}

export interface KeyPackageEventSettings {
  /** Seconds since the epoch. */
  readonly createdAt?: number
  readonly kind?: number
  /** How the content is written and what the `encoding` tag says; `absent` is hex without the tag. */
  readonly encoding?: 'hex' | 'base64' | 'absent'
  /** What is encoded, where it is not the bare KeyPackage. */
  readonly bytes?: Uint8Array
  /** Replaces the content as it is written. */
  readonly content?: string
  /** Values by tag name, in place of the usual ones or beside them; null leaves the tag out. `{ '-': [] }` protects. */
  readonly tags?: Readonly<Record<string, readonly string[] | null>>
  /** Where it is delivered among others. */
  readonly place?: Place
}

/** The signed event that publishes a key package, with the tags of MIP-00. */
export function keyPackageEvent(
  { secretKey }: Person,
  keyPackage: Pick<MadeKeyPackage, 'bytes' | 'ciphersuite'>,
  {
    createdAt = NOW,
    kind = 443,
    encoding = 'base64',
    bytes = keyPackage.bytes,
    content = Buffer.from(bytes).toString(encoding === 'base64' ? 'base64' : 'hex'),
    tags = {},
    place,
  }: KeyPackageEventSettings = {},
): SignedEvent {
  const values: Readonly<Record<string, readonly string[] | null>> = {
    mls_protocol_version: ['1.0'],
    mls_ciphersuite: [`0x${keyPackage.ciphersuite.toString(16).padStart(4, '0')}`],
    mls_extensions: ['0xf2ee', '0x000a'],
    relays: ['wss://relay.example.com'],
    encoding: encoding === 'absent' ? null : [encoding],
    ...tags,
  }
  const written = Object.entries(values).flatMap(([name, value]) =>
    value === null ? [] : [[name, ...value]],
  )
  const template = { kind, created_at: createdAt, tags: written, content }
  return signEvent(secretKey, place === undefined ? template : placed(template, secretKey, place))
}

export { signEvent }

const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Takes its keys from hashes of the seed. */
function seeded(impl: CiphersuiteImpl, seed: string): CiphersuiteImpl {
  let keys = 0
  const next = () => createHash('sha256').update(`${seed} key ${keys++}`).digest()
  const keygen = async () => {
    const signKey = Buffer.concat([PKCS8_ED25519, next()])
    const { x = '' } = createPublicKey(
      createPrivateKey({ key: signKey, format: 'der', type: 'pkcs8' }),
    ).export({
      format: 'jwk',
    })
    return { signKey: Uint8Array.from(signKey), publicKey: Uint8Array.from(Buffer.from(x, 'base64url')) }
  }
  const generateKeyPair = () => impl.hpke.deriveKeyPair(next())
  return { ...impl, hpke: { ...impl.hpke, generateKeyPair }, signature: { ...impl.signature, keygen } }
}

const impls = new Map<number, Promise<CiphersuiteImpl>>()
let latest: Promise<unknown> = Promise.resolve()

/**
 * What ts-mls needs for a ciphersuite, 1 to 7. It imports its packages when they are asked for. Two imports at a time that share a
 * module fail in Jest: the second finds the module being linked, does not wait, and "request for './x.js' is not in cache" comes
 * out as a dependency that is not installed. So they are made one after another.
 */
export function ciphersuiteImpl(number: number): Promise<CiphersuiteImpl> {
  const [name] = Object.entries(ciphersuites).find(([, value]) => value === number) ?? []
  if (name === undefined) throw new Error(`there is no ciphersuite ${number}`)
  const known = impls.get(number)
  if (known !== undefined) return known
  const ciphersuite = getCiphersuiteFromName(name as keyof typeof ciphersuites)
  const impl = latest.then(() => getCiphersuiteImpl(ciphersuite, nobleCryptoProvider))
  impls.set(number, impl)
  latest = impl
  return impl
}
