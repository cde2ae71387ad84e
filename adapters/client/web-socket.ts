/** A WebSocket, whosever it is, that survives its own failure to connect, and whatever a relay sends on it. */

/** As browsers have it, and Node 22; for Node 20 that of `ws`. */
export type WebSocketClass = new (url: string) => WebSocketLike

interface WebSocketLike {
  close(code?: number, reason?: string): void
  addEventListener(type: 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: Message) => void): void
}

interface Message {
  readonly data?: unknown
}

/** No key package is nearly as long: a gateway takes in 64 KiB of them unless its operator says otherwise. */
const LONGEST_MESSAGE = 2 ** 20

/**
 * nostr-tools closes a socket in the midst of its error, upon which that of Node 22 fails again, and so on for ever; and
 * stops listening to one that takes too long, upon which the error of that of `ws` ends the process. It takes bytes for a
 * text, too, which on all but `ws` ends in an error that nobody catches.
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

    set onmessage(hear: (event: Message) => void) {
      this.addEventListener('message', (event) => {
        if (typeof event.data === 'string' && event.data.length <= LONGEST_MESSAGE) hear(event)
      })
    }

    override close(code?: number, reason?: string): void {
      if (!this.#hasFailed) super.close(code, reason)
    }
  }
  return SturdyWebSocket as unknown as typeof WebSocket
}
