/** Reads the tags of a key package event, in the spellings of MIP-00 and of the older NIP-EE. */

import type { SignedEvent } from '../nostr/messages.ts'
import { codeOf } from './codes.ts'
import { LAST_RESORT_EXTENSIONS } from './extensions.ts'

/** All values in the order of the tags. The checks decide which tags may appear only once. */
export interface KeyPackageTags {
  readonly protocolVersions: readonly string[]
  /** Undefined for an invalid code. */
  readonly ciphersuites: readonly (number | undefined)[]
  readonly announcesLastResort: boolean
  readonly encodings: readonly string[]
  /** Seconds since the epoch, from `expiration` (NIP-40) and `exp`; undefined for an invalid number. */
  readonly expirations: readonly (number | undefined)[]
  readonly relays: readonly string[]
  /** `i`: the KeyPackageRef. */
  readonly refs: readonly string[]
  /** `d`: the slot of a kind 30443 event. */
  readonly slots: readonly string[]
  /** `p`: whom the event is about. */
  readonly pubkeys: readonly string[]
  /** Single-letter tags, by which filters can select (NIP-01). */
  readonly letters: readonly (readonly [letter: string, value: string])[]
}

export function readTags({ tags }: SignedEvent): KeyPackageTags {
  const first = (name: string) => tags.filter((tag) => tag[0] === name).map((tag) => tag[1] ?? '')
  const all = (...names: string[]) =>
    tags.filter((tag) => names.some((name) => name === tag[0])).flatMap((tag) => tag.slice(1))
  return {
    protocolVersions: first('mls_protocol_version'),
    ciphersuites: splitValues(all('mls_ciphersuite', 'ciphersuite')).map(codeOf),
    announcesLastResort: splitValues(all('mls_extensions', 'extensions')).some(isLastResort),
    encodings: first('encoding'),
    expirations: [...first('expiration'), ...first('exp')].map(secondsOf),
    relays: all('relays'),
    refs: first('i'),
    slots: first('d'),
    pubkeys: first('p'),
    letters: tags.flatMap(([name = '', value]) =>
      /^[a-zA-Z]$/.test(name) && value !== undefined ? [[name, value] as const] : [],
    ),
  }
}

/** Splits comma-joined values. */
function splitValues(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(',')).map((value) => value.trim())
}

function isLastResort(extension: string): boolean {
  const code = codeOf(extension)
  return extension === 'last_resort' || LAST_RESORT_EXTENSIONS.some((type) => type === code)
}

function secondsOf(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
