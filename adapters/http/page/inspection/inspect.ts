/** Inspects events in the browser: nothing that is pasted leaves it. Loaded when first used. */

import { verifyEvent } from 'nostr-tools/pure'
import { type Inspection, inspect } from '../../../../plugin/key-package/inspection.ts'

export type { Inspection }

/** @param now seconds since the epoch */
export function inspectHere(event: unknown, now: number): Inspection {
  // nostr-tools marks what it has verified; the copy keeps the mark off what was pasted.
  return inspect(event, (signed) => verifyEvent({ ...signed, tags: signed.tags.map((tag) => [...tag]) }), now)
}
