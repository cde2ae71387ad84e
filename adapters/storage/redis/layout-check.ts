/** Whether what is kept under a prefix has the layout that this version reads and writes. */

import { StoreError } from '../../../plugin/store-error.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'

/** Raised whenever older versions could not read what newer ones write, or the other way round. */
const LAYOUT = '2'

/** @throws StoreError saying how to move what has another layout */
export async function requireThisLayout(connection: RedisConnection, keys: Keys): Promise<void> {
  const { client, prefix } = connection
  const old = keys.everyOldDue().map((key) => client.exists(key))
  const found = await connection.within(Promise.all(old))
  const layout = await connection.within(client.get(keys.layout()))
  if (found.some((count) => count > 0) || (layout !== null && layout !== LAYOUT)) {
    throw new StoreError(
      `cannot use the key packages under ${prefix} in Redis: another version of keypackage-gateway wrote them. Write them ` +
        `to a file with \`export\` of that version, give this one a prefix of its own (?prefix=...), and run \`import\``,
    )
  }
  await connection.within(client.set(keys.layout(), LAYOUT))
}
