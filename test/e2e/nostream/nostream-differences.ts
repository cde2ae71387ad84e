/** The rows of the behaviour suite that nostream answers first or differently. */

import type { Differences } from '../behaviour/rows.ts'

const CHECKED_FIRST = 'nostream checks the event before the gateway does, and refuses it in its own words'
const REJECTED = 'nostream rejects such a message with a NOTICE'
const CHALLENGED_ONCE = 'nostream sends its challenge when a client connects, and not again'

export const nostreamDifferences: Differences = {
  'row 1: event shape': CHECKED_FIRST,
  'row 1: id': CHECKED_FIRST,
  'row 1: signature': CHECKED_FIRST,
  'row 1: signature, of somebody else': CHECKED_FIRST,
  'row 4: created_at at most 15 min ahead': CHECKED_FIRST,
  'row 5: NIP-40 `expiration` in the future': CHECKED_FIRST,
  'spent: a re-encoded package, and the restored one, count as the same package (I3, I8)': CHECKED_FIRST,
  '444 is refused': CHECKED_FIRST,
  '62 (vanish, for ALL_RELAYS) deletes all':
    'nostream accepts no more events from an author who has vanished',
  '62 (vanish, for this relay) deletes all':
    'nostream accepts no more events from an author who has vanished',
  'is refused from anybody else, with a challenge, and accepted from the author': CHALLENGED_ONCE,
  '`requester: auth`, not authenticated: AUTH challenge and CLOSED': CHALLENGED_ONCE,
  'no `authors`, a filter with a multi-letter tag: CLOSED': REJECTED,
  'NEG-OPEN: nothing left: NEG-ERR (I4)': REJECTED,
  'gets OK, CLOSED or NEG-ERR if it has an id, otherwise a NOTICE, and claims nothing': REJECTED,
  'unknown fields of an EVENT or a filter are ignored': REJECTED,
  'a binary frame gets a NOTICE, and the connection stays open': 'nostream reads a binary frame as text',
}

export const nostreamDifferencesOverTime: Differences = { expiration: CHECKED_FIRST }
