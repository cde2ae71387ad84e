/** What goes to the server in one call, of many things that are asked for at once. */

import { isCluster } from './clients.ts'
import type { RedisConnection } from './connection.ts'

/** So few that a call blocks the server for a fraction of a millisecond. */
const MAX_AT_ONCE = 32

/** In groups of one call each: on a cluster one by one, because their keys are on different nodes. */
export function together<Item>(
  { client }: Pick<RedisConnection, 'client'>,
  items: readonly Item[],
): Item[][] {
  const size = isCluster(client) ? 1 : MAX_AT_ONCE
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}
