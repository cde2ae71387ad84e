/** The codes that key packages and their tags contain beside those of ciphersuites, and how tags write codes. */

/** The extension that marks a last resort. */
export const LAST_RESORT = 0x000a
/** The extension with the data of a group, on Nostr (MIP-01). */
export const NOSTR_GROUP_DATA = 0xf2ee
/** The extension that holds components, in a KeyPackage or a leaf (draft-ietf-mls-extensions section 4.6). */
export const APP_DATA_DICTIONARY = 0x0006

/** In a leaf: the ids of the components that its client supports. */
export const APP_COMPONENTS = 0x0001
/** In a KeyPackage: it is a last resort. Its data is empty. */
export const LAST_RESORT_COMPONENT = 0x0004
/** In a leaf: the account's proof that it has authorised the leaf's signature key (Marmot). */
export const ACCOUNT_PROOF = 0x8009

/** A code as tags have it, such as `0x0001`. */
export function showCode(code: number): string {
  return `0x${code.toString(16).padStart(4, '0')}`
}

/** A 16-bit code of RFC 9420's registries, in hex (`0x000a`) or decimal; undefined if it is invalid. */
export function codeOf(text: string): number | undefined {
  return /^(0x[0-9a-f]{1,4}|\d{1,5})$/i.test(text) && Number(text) <= 0xffff ? Number(text) : undefined
}
