/** The behaviour suite on the real strfry with plugin and proxy together. It needs STRFRY_BIN, as strfry.test.ts does. */

import { describe, jest } from '@jest/globals'
import type { Differences } from './behaviour/rows.ts'
import { describeKeyPackageRelay } from './behaviour.ts'
import { strfryProgram } from './strfry-relay.ts'
import { startStrfry } from './strfry-target.ts'

jest.setTimeout(60_000)

const describeStrfry = strfryProgram === undefined ? describe.skip : describe

const CHECKED_FIRST = 'strfry checks the event before it asks the plugin, and refuses it in words of its own'

/** What holds where the proxy takes key packages in, and not where strfry and its plugin do. */
const upstream: Differences = {
  'row 1: event shape': CHECKED_FIRST,
  'row 1: id': CHECKED_FIRST,
  'row 1: signature': CHECKED_FIRST,
  'row 1: signature, of somebody else': CHECKED_FIRST,
  'row 4: NIP-40 `expiration` in the future': CHECKED_FIRST,
  'is refused from anybody else, with a challenge, and taken from the author': CHECKED_FIRST,
  'spent: what a client was sent re-encoded, and restored, is the same package (I3, I8)': CHECKED_FIRST,
  'gets OK, CLOSED or NEG-ERR where it has an id, else a NOTICE, and claims nothing': CHECKED_FIRST,
  'gets a live feed of own packages after EOSE, until CLOSE':
    'LMDB tells no other process what was published in this one, as Redis does',
}

describeStrfry('strfry', () => {
  describeKeyPackageRelay('proxy.publish: here', (options) => startStrfry(options, 'here'))
  describeKeyPackageRelay('proxy.publish: upstream', (options) => startStrfry(options, 'upstream'), upstream)
})
