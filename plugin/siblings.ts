/**
 * What the processes of one server share, because clients cannot tell which of them they are connected to: quotas that no store
 * counts, and news of what a process keeps in its memory. A process without siblings counts alone, and tells nobody.
 */

import { LocalQuota } from './local-quota.ts'
import type { Quota } from './store.ts'

/** A quota that is counted in memory. */
export interface CountedQuota {
  /**
   * Counts one more for this key, if there is room. Never rejects.
   * @param now seconds since the epoch
   */
  take(key: string, now: number): boolean | Promise<boolean>
}

/** News of one kind, as JSON can hold it. It may be lost where a sibling does not read, and must not be needed for an invariant. */
export interface Channel<News> {
  /** Tells all siblings, soon, and not this process. Never throws. */
  tell(news: News): void
  /** Calls `listener` with what each of them tells from now on. */
  hear(listener: (news: News) => void): void
}

/** The other processes of a server on one port, such as the workers of `node:cluster`. */
export interface Siblings {
  /** By the same name, all of them count together. */
  quota(name: string, quota: Quota): CountedQuota
  /** By the same name, they hear each other. */
  channel<News>(name: string): Channel<News>
}

export const alone: Siblings = {
  quota: (_name, quota) => new LocalQuota(quota),
  channel: () => ({ tell() {}, hear() {} }),
}
