/** What the tags of a key package event say, in the spellings of MIP-00 and of NIP-EE before it. */

import type { SignedEvent } from '../nostr/messages.ts'

/** The type of the last_resort extension, and the private one that older clients used (MIP-00). */
export const LAST_RESORT_EXTENSIONS: readonly number[] = [0x000a, 0xf000]

/** Every value in the order of the tags; what may be said only once is judged by those who read it. */
export interface KeyPackageTags {
  readonly protocolVersions: readonly string[]
  /** An unreadable one is undefined. */
  readonly ciphersuites: readonly (number | undefined)[]
  readonly announcesLastResort: boolean
  readonly encodings: readonly string[]
  /** Seconds since the epoch, from `expiration` (NIP-40) and `exp`; an unreadable one is undefined. */
  readonly expirations: readonly (number | undefined)[]
  readonly relays: readonly string[]
  /** `i`: the KeyPackageRef. */
  readonly refs: readonly string[]
  /** `d`: the slot of a kind 30443 event. */
  readonly slots: readonly string[]
  /** `p`: whom the event is about. */
  readonly pubkeys: readonly string[]
  /** Those a filter may narrow by (NIP-01). */
  readonly letters: readonly (readonly [letter: string, value: string])[]
}

export function readTags({ tags }: SignedEvent): KeyPackageTags {
  const first = (name: string) => tags.filter((tag) => tag[0] === name).map((tag) => tag[1] ?? '')
  const all = (...names: string[]) =>
    tags.filter(([name = '']) => names.includes(name)).flatMap((tag) => tag.slice(1))
  return {
    protocolVersions: first('mls_protocol_version'),
    ciphersuites: listed(all('mls_ciphersuite', 'ciphersuite')).map(codeOf),
    announcesLastResort: listed(all('mls_extensions', 'extensions')).some(isLastResort),
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

/** A number of 16 bits as RFC 9420's registries have them: `0x000a`, or decimal. */
export function codeOf(text: string): number | undefined {
  return /^(0x[0-9a-f]{1,4}|\d{1,5})$/i.test(text) && Number(text) <= 0xffff ? Number(text) : undefined
}

/** One value each, or several with commas between them. */
function listed(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(',')).map((value) => value.trim())
}

function isLastResort(extension: string): boolean {
  const code = codeOf(extension)
  return extension === 'last_resort' || (code !== undefined && LAST_RESORT_EXTENSIONS.includes(code))
}

function secondsOf(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
