/** nostr-fetch, which only reads, and does not authenticate. */

import * as library from 'nostr-fetch'
import { WebSocket } from 'ws'
import type { Library } from './library.ts'

/** Declared here because the package's types name their files without extensions, so that TypeScript does not find them. */
interface Fetcher {
  fetchLatestEvents(urls: string[], filter: object, limit: number): Promise<{ readonly id: string }[]>
  shutdown(): void
}

interface FetcherClass {
  init(options: { webSocketConstructor: typeof WebSocket; minLogLevel: 'none' }): Fetcher
}

const { NostrFetcher } = library as typeof library & { NostrFetcher: FetcherClass }

export const nostrFetch: Library = {
  name: 'nostr-fetch',
  connect: async (url) => {
    const fetcher = NostrFetcher.init({ webSocketConstructor: WebSocket, minLogLevel: 'none' })
    return {
      fetch: (filter) => fetcher.fetchLatestEvents([url], filter, 5),
      close: () => fetcher.shutdown(),
    }
  },
}
