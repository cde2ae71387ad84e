/** A WebSocket that survives its own failure to connect, whosever it is. */

/** As browsers have it, and Node 22; for Node 20 that of `ws`. */
export type WebSocketClass = new (url: string) => WebSocketLike

interface WebSocketLike {
  close(code?: number, reason?: string): void
  addEventListener(type: 'error', listener: () => void): void
}

/**
 * nostr-tools closes a socket in the midst of its error, upon which that of Node 22 fails again, and so on for ever; and
 * stops listening to one that takes too long, upon which the error of that of `ws` ends the process.
 * @throws Error where there is no WebSocket
 */
export function sturdyWebSocket(given: WebSocketClass | undefined): typeof WebSocket {
  const Given = given ?? (globalThis.WebSocket as WebSocketClass | undefined)
  if (Given === undefined) {
    throw new Error('this platform has no WebSocket: give the client one as `WebSocket`, such as that of ws')
  }
  class SturdyWebSocket extends Given {
    #hasFailed = false

    constructor(url: string) {
      super(url)
      this.addEventListener('error', () => {
        this.#hasFailed = true
      })
    }

    override close(code?: number, reason?: string): void {
      if (!this.#hasFailed) super.close(code, reason)
    }
  }
  return SturdyWebSocket as unknown as typeof WebSocket
}
