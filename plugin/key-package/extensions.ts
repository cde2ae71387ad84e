/** Extensions of a KeyPackage or its leaf, and the components in one of them (draft-ietf-mls-extensions section 4.6). */

import { Refusal } from '../nostr/refusal.ts'
import { APP_DATA_DICTIONARY, LAST_RESORT, LAST_RESORT_COMPONENT } from './codes.ts'
import { TlsReader } from './tls-reader.ts'

/** The type of last_resort, and the private type that older clients used (MIP-00). */
export const LAST_RESORT_EXTENSIONS: readonly number[] = [LAST_RESORT, 0xf000]

/** application_id, ratchet_tree, required_capabilities, external_pub and external_senders: no capability names them. */
export const DEFAULT_EXTENSIONS: readonly number[] = [1, 2, 3, 4, 5]

export interface Extension {
  readonly type: number
  readonly data: Uint8Array
}

export interface Component {
  readonly id: number
  readonly data: Uint8Array
}

export function readExtension(reader: TlsReader): Extension {
  return { type: reader.uint16('extension_type'), data: reader.opaque('extension_data') }
}

/** Whether a KeyPackage itself says that it is a last resort, by extension or component, whatever its event's tags say. */
export function carriesLastResort({ extensions }: { readonly extensions: readonly Extension[] }): boolean {
  return (
    extensions.some(({ type }) => LAST_RESORT_EXTENSIONS.includes(type)) ||
    findComponent(extensions, LAST_RESORT_COMPONENT) !== undefined
  )
}

/**
 * The components of a KeyPackage or a leaf; none if it has no dictionary.
 * @param owner who has the extensions, as the message names it
 * @throws Refusal if the dictionary is malformed, not sorted, or names a component twice
 */
export function readComponents(extensions: readonly Extension[], owner: string): readonly Component[] {
  const dictionary = extensions.find(({ type }) => type === APP_DATA_DICTIONARY)
  if (dictionary === undefined) return []
  const malformed = (why: string) =>
    new Refusal('invalid', `${owner}'s app_data_dictionary is malformed (${why})`)
  const reader = new TlsReader(dictionary.data, malformed)
  const components = reader.vector('its components', readComponent)
  if (reader.remaining > 0) throw malformed(`${reader.remaining} bytes follow its components`)
  const isSorted = components.every(({ id }, index) => id > (components[index - 1]?.id ?? -1))
  if (isSorted) return components
  throw new Refusal('invalid', `${owner}'s app_data_dictionary is not sorted by component, each once`)
}

/** The data of one component; undefined if it is not there, or the dictionary cannot be read. */
export function findComponent(extensions: readonly Extension[], id: number): Uint8Array | undefined {
  return readable(() => readComponents(extensions, 'it'))?.find((component) => component.id === id)?.data
}

/** The ids in the data of APP_COMPONENTS; undefined if it cannot be read. */
export function readComponentIds(data: Uint8Array): readonly number[] | undefined {
  return readable(() => new TlsReader(data).vector('its ids', (reader) => reader.uint16('its ids')))
}

function readComponent(reader: TlsReader): Component {
  return { id: reader.uint16('its components'), data: reader.opaque('its components') }
}

function readable<Read>(read: () => Read): Read | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}
