/** The three generations of clients on Nostr, and what each requires of a KeyPackage. */

import { APP_DATA_DICTIONARY, LAST_RESORT, NOSTR_GROUP_DATA } from '../../plugin/key-package/codes.ts'

/**
 * For the clients of which documents key packages are made. All of them are in use, and a client reads all of them.
 * - `nip-ee`: kind 443.
 * - `mip-00`: Marmot until July 2026, kinds 443 and 30443. The groups have the extension 0xf2ee.
 * - `marmot`: the Marmot specification since July 2026. The groups have application components.
 */
export type Generation = 'nip-ee' | 'mip-00' | 'marmot'

/** The least that a client of a generation supports, by the codes of RFC 9420 and draft-ietf-mls-extensions. */
interface Requirements {
  readonly extensions: readonly number[]
  readonly proposals: readonly number[]
  readonly components: readonly number[]
  /** How long a package is valid by default. */
  readonly lifetimeSeconds: number
}

const REQUIRED_CAPABILITIES = 0x0003
const APP_DATA_UPDATE = 0x0008
const SELF_REMOVE = 0x000a
/** A group's profile, its admins, and its address on Nostr. */
const GROUP_COMPONENTS = [0x8001, 0x8003, 0x8004]

const DAY_SECONDS = 86_400

const MIP_00: Requirements = {
  extensions: [NOSTR_GROUP_DATA, LAST_RESORT],
  proposals: [],
  components: [],
  lifetimeSeconds: 90 * DAY_SECONDS,
}

export const REQUIREMENTS: Readonly<Record<Generation, Requirements>> = {
  'nip-ee': MIP_00,
  'mip-00': MIP_00,
  marmot: {
    extensions: [REQUIRED_CAPABILITIES, APP_DATA_DICTIONARY],
    proposals: [APP_DATA_UPDATE, SELF_REMOVE],
    components: GROUP_COMPONENTS,
    lifetimeSeconds: 84 * DAY_SECONDS,
  },
}
