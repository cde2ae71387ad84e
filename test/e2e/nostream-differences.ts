/** The rows of the behaviour suite that nostream answers first, or has a way of its own to answer. */

import type { Differences } from './behaviour/rows.ts'

const CHECKED_FIRST = 'nostream checks the event before the gateway does, and refuses it in words of its own'
const UNREAD = 'nostream does not read such a message, and answers with a NOTICE'
const CHALLENGED_ONCE = 'nostream sends its challenge when a client connects, and never again'

export const nostreamDifferences: Differences = {
  'row 1: event shape': CHECKED_FIRST,
  'row 1: id': CHECKED_FIRST,
  'row 1: signature': CHECKED_FIRST,
  'row 1: signature, of somebody else': CHECKED_FIRST,
  'row 3: created_at at most 15 min ahead': CHECKED_FIRST,
  'row 4: NIP-40 `expiration` in the future': CHECKED_FIRST,
  'spent: what a client was sent re-encoded, and restored, is the same package (I3, I8)': CHECKED_FIRST,
  '444 is refused': CHECKED_FIRST,
  '62 (vanish, for ALL_RELAYS) drops all': 'nostream takes no events any more from whoever has vanished',
  '62 (vanish, for this relay) drops all': 'nostream takes no events any more from whoever has vanished',
  'is refused from anybody else, with a challenge, and taken from the author': CHALLENGED_ONCE,
  '`requester: auth`, not authenticated: AUTH challenge and CLOSED': CHALLENGED_ONCE,
  'the same with a key that no relay indexes': UNREAD,
  'NEG-OPEN: nothing left: NEG-ERR (I4)': UNREAD,
  'gets OK, CLOSED or NEG-ERR where it has an id, else a NOTICE, and claims nothing': UNREAD,
  'an EVENT with more fields, or a filter with unknown ones, is taken for what it says': UNREAD,
  'a binary frame gets a NOTICE, and the connection lives': 'nostream reads a binary frame as text',
}

export const nostreamDifferencesOverTime: Differences = { expiration: CHECKED_FIRST }
