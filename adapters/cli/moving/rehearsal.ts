/** The target of a dry run: what the store holds of the authors in the file, in memory, where the lines are put. */

import { RELAY_LIST_KINDS } from '../../../plugin/lifecycle/relay-list.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { MovableStore } from '../../../plugin/store.ts'
import { recordsOfAuthor } from '../../../plugin/store-records.ts'
import { memoryStore } from '../../storage/memory.ts'
import { secondsNow } from '../open-store.ts'
import { type CheckRules, checkRecord } from './check-line.ts'
import { type ImportTarget, storeLine } from './store-line.ts'

/** More than any store holds of one author. */
const NO_LIMIT = 1_000_000

/** `real` is only read; without it, the lines are as if put into an empty store. */
export function rehearsalStore(
  real: MovableStore | undefined,
  rules: Pick<CheckRules, 'kinds' | 'validation' | 'stock' | 'storeUrl'>,
): ImportTarget['store'] {
  const memory = memoryStore()
  const known = new Map<Pubkey, Promise<void>>()
  const knowing = async (author: Pubkey) => {
    if (real === undefined) return memory
    const loading = known.get(author) ?? copyAuthor(real, memory, author, rules)
    known.set(author, loading)
    await loading
    return memory
  }
  return {
    put: async (pkg, ...rest) => {
      const store = await knowing(pkg.author)
      // The rules do not look at the text of the event.
      return store.put({ ...pkg, event: '' }, ...rest)
    },
    remember: async (author, ...rest) => (await knowing(author)).remember(author, ...rest),
    drop: async (author, ...rest) => (await knowing(author)).drop(author, ...rest),
    putRelayList: async (event, ...rest) => (await knowing(event.pubkey)).putRelayList(event, ...rest),
    getRelayLists: async (authors, kinds) => {
      await Promise.all(authors.map(knowing))
      return memory.getRelayLists(authors, kinds)
    },
    dropRelayLists: async (author, ...rest) => (await knowing(author)).dropRelayLists(author, ...rest),
    dropFollowLists: async () => {},
    putAccessRule: async () => {},
    putInformation: async () => {},
  }
}

/** Its packages have been checked when they came in. */
async function copyAuthor(
  real: MovableStore,
  memory: MovableStore,
  author: Pubkey,
  rules: CheckRules,
): Promise<void> {
  const now = secondsNow()
  const stock = { ...rules.stock, max: NO_LIMIT }
  const trusting = { ...rules, stock, validation: { ...rules.validation, mls: 'decode' as const } }
  const target = { kinds: rules.kinds, stock, store: memory, audit: () => {} }
  const lists = await real.getRelayLists([author], RELAY_LIST_KINDS)
  const records = [...(await recordsOfAuthor(real, author, now)), ...lists.map((event) => ({ event }))]
  for (const record of records)
    await storeLine(
      target,
      checkRecord(record, trusting, () => true, now),
      now,
    )
}
