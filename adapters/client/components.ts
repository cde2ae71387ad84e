/** Application components: the `app_data_dictionary` extension of KeyPackages and leaf nodes (draft-ietf-mls-extensions). */

import type { Extension } from 'ts-mls'
import { decodeUint16, uint16Encoder } from 'ts-mls/codec/number.js'
import { mapDecoders } from 'ts-mls/codec/tlsDecoder.js'
import { contramapBufferEncoders, encode } from 'ts-mls/codec/tlsEncoder.js'
import {
  decodeVarLenData,
  decodeVarLenType,
  varLenDataEncoder,
  varLenTypeEncoder,
} from 'ts-mls/codec/variableLength.js'
import { APP_COMPONENTS, APP_DATA_DICTIONARY } from '../../plugin/key-package/codes.ts'

/** What a dictionary holds, by component. */
export type ComponentData = ReadonlyMap<number, Uint8Array>

/** In a leaf node: the list of the components that may add authenticated data. */
export const SAFE_AAD = 0x0002

/** Components from here on are for applications, such as those of Marmot, and are named in the `app_components` tag. */
export const FIRST_PRIVATE_COMPONENT = 0x8000

type Entry = [component: number, data: Uint8Array]

const encodeEntries = encode(
  varLenTypeEncoder(contramapBufferEncoders([uint16Encoder, varLenDataEncoder], (entry: Entry) => entry)),
)
const decodeEntries = decodeVarLenType(
  mapDecoders([decodeUint16, decodeVarLenData], (component, data): Entry => [component, data]),
)
const encodeList = encode(varLenTypeEncoder(uint16Encoder))
const decodeList = decodeVarLenType(decodeUint16)

/** The extension with this data, in ascending order of the components. */
export function appDataDictionary(data: ComponentData): Extension {
  const entries = [...data].sort(([a], [b]) => a - b)
  return { extensionType: APP_DATA_DICTIONARY, extensionData: encodeEntries(entries) }
}

/** What the dictionary among these extensions holds; undefined if there is none, or it cannot be decoded. */
export function componentsIn(extensions: readonly Extension[]): ComponentData | undefined {
  const dictionary = extensions.find(({ extensionType }) => extensionType === APP_DATA_DICTIONARY)
  if (dictionary === undefined) return undefined
  const entries = decodeWhole(decodeEntries, dictionary.extensionData)
  return entries && new Map(entries)
}

/** A list of components as data of a component (`ComponentsList`): in ascending order, each once. */
export function componentsList(components: Iterable<number>): Uint8Array {
  return encodeList([...new Set(components)].sort((a, b) => a - b))
}

/** The components that a leaf node says its client supports; undefined if it has no such list. */
export function supportedComponents(extensions: readonly Extension[]): readonly number[] | undefined {
  const list = componentsIn(extensions)?.get(APP_COMPONENTS)
  return list && decodeWhole(decodeList, list)
}

type Decoder<Value> = (bytes: Uint8Array, offset: number) => [Value, number] | undefined

/** Undefined if the bytes cannot be decoded, or more bytes follow. */
export function decodeWhole<Value>(decode: Decoder<Value>, bytes: Uint8Array): Value | undefined {
  try {
    const [value, length] = decode(bytes, 0) ?? []
    return length === bytes.length ? value : undefined
  } catch {
    return undefined
  }
}
