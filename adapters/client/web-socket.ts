/** Makes any WebSocket class safe for nostr-tools: it survives a failed connection and whatever a relay sends. */

/** The WebSocket of browsers and of Node.js 22; on Node.js 20 that of the `ws` package. */
export type WebSocketClass = new (url: string) => WebSocketLike

interface WebSocketLike {
  close(code?: number, reason?: string): void
  addEventListener(type: 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: Message) => void): void
}

interface Message {
  readonly data?: unknown
}

/** In characters. Key packages are far smaller: by default a gateway accepts up to 64 KiB. */
const MAX_MESSAGE_LENGTH = 2 ** 20

/**
 * Works around three faults of nostr-tools: it closes a socket from within its error handler, which makes that of
 * Node.js 22 fail again without end; it removes its error handler after a connection timeout, and an unhandled error of
 * `ws` ends the process; and it reads binary messages as text, which throws an uncaught error on all but `ws`.
 * @throws Error if the platform has no WebSocket and none is given
 */
export function safeWebSocket(given: WebSocketClass | undefined): typeof WebSocket {
  const Base = given ?? (globalThis.WebSocket as WebSocketClass | undefined)
  if (Base === undefined) {
    throw new Error('this platform has no WebSocket: pass one as `WebSocket`, such as that of the ws package')
  }
  class SafeWebSocket extends Base {
    #hasFailed = false

    constructor(url: string) {
      super(url)
      this.addEventListener('error', () => {
        this.#hasFailed = true
      })
    }

    set onmessage(listener: (event: Message) => void) {
      this.addEventListener('message', (event) => {
        if (typeof event.data === 'string' && event.data.length <= MAX_MESSAGE_LENGTH) listener(event)
      })
    }

    override close(code?: number, reason?: string): void {
      if (!this.#hasFailed) super.close(code, reason)
    }
  }
  return SafeWebSocket as unknown as typeof WebSocket
}
