/** Imports one line into a store, as the command does with each line of a file. */

import { checkLine } from '../../adapters/cli/moving/check-line.ts'
import { storeLine } from '../../adapters/cli/moving/store-line.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { resolveOptions } from '../../plugin/options.ts'
import type { MovableStore } from '../../plugin/store.ts'

export interface ImportSettings {
  readonly now: number
  readonly storeUrl: string
  readonly verifyEvent: (event: SignedEvent) => boolean
}

/** Resolves to the outcome; for a line that is refused, to the reason. */
export async function importLine(
  store: MovableStore,
  line: string,
  { now, storeUrl, verifyEvent }: ImportSettings,
): Promise<string> {
  const { kinds, validation, stock } = resolveOptions({ kinds: [443, 30443] })
  const checked = checkLine(line, { kinds, validation, stock, storeUrl }, verifyEvent, now)
  const imported = await storeLine({ kinds, stock, store, audit: () => {} }, checked, now)
  return 'reason' in imported ? imported.reason : imported.outcome
}
