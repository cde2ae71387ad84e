/** Checks that the data under a prefix has the layout of this version. */

import { StoreError } from '../../../plugin/store-error.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'

/** Incremented with every incompatible change of the layout. */
const LAYOUT = '2'

/** @throws StoreError with how to migrate, if the layout is another */
export async function requireThisLayout(connection: RedisConnection, keys: Keys): Promise<void> {
  const { client, prefix } = connection
  const old = keys.everyOldDue().map((key) => client.exists(key))
  const found = await connection.within(Promise.all(old))
  const layout = await connection.within(client.get(keys.layout()))
  if (found.some((count) => count > 0) || (layout !== null && layout !== LAYOUT)) {
    throw new StoreError(
      `cannot use the data under ${prefix} in Redis: it was written by an incompatible version of keypackage-gateway. ` +
        `Run \`export\` with that version, then \`import\` with this one under another prefix (?prefix=...)`,
    )
  }
  await connection.within(client.set(keys.layout(), LAYOUT))
}
