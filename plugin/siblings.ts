/**
 * What the processes of one server share, because clients cannot tell which of them they are connected to: quotas that no store
 * counts, and news of what a process keeps in its memory. A process without siblings counts alone, and tells nobody.
 */

import { LocalQuota } from './local-quota.ts'
import type { Quota } from './store.ts'

/** A quota that is counted in memory, and not in the store. */
export interface CountedQuota {
  /**
   * Counts one more for this key, if there is room. Never rejects.
   * @param now seconds since the epoch
   */
  take(key: string, now: number): boolean | Promise<boolean>
}

/**
 * News of one kind among siblings; values that JSON can hold. A sibling that is too slow to read may miss some, so no invariant depends
 * on it.
 */
export interface Channel<News> {
  /** Tells all siblings, but not this process. Returns before they have heard it. Never throws. */
  tell(news: News): void
  /** Calls `listener` with what any of them tells from now on. */
  hear(listener: (news: News) => void): void
}

/** The other processes of one server, such as the workers of `node:cluster`, all with the same store and options. */
export interface Siblings {
  /** All of them count together what has the same name. */
  quota(name: string, quota: Quota): CountedQuota
  /** Who has a channel of the same name hears what is told on it. */
  channel<News>(name: string): Channel<News>
}

/** What a process without siblings has. */
export const alone: Siblings = {
  quota: (_name, quota) => new LocalQuota(quota),
  channel: () => ({ tell() {}, hear() {} }),
}
