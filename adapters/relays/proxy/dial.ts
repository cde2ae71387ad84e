/** Connects to the relay for one client, before that client's own handshake is answered. */

import type { OutgoingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import { HandshakeRefused } from '../listener.ts'

export interface DialSettings {
  readonly url: URL
  readonly headers: OutgoingHttpHeaders
  /** The subprotocols that the client offers. */
  readonly protocols: readonly string[]
  /** Aborted when the client leaves before it is connected. */
  readonly gone: AbortSignal
}

export interface Dialled {
  readonly socket: WebSocket
  /** The connection below it. */
  readonly stream: Duplex
}

const PATIENCE_MS = 10_000
/** Of a relay's message; relays take far smaller ones. */
const LARGEST_MESSAGE = 16_777_216

/** Relays know no subprotocols; ws takes a server that answers with none for a broken one. */
const NO_SUBPROTOCOL = 'Server sent no subprotocol'

/**
 * Resolves once the socket is open; it is paused.
 * Rejects with HandshakeRefused: the relay's own status where it gave one, 502 where it cannot be reached.
 */
export async function dial(settings: DialSettings): Promise<Dialled> {
  try {
    return await attempt(settings, settings.protocols).catch((error: Error) => {
      if (error.message !== NO_SUBPROTOCOL) throw error
      return attempt(settings, [])
    })
  } catch (error) {
    if (error instanceof HandshakeRefused) throw error
    // ws throws a SyntaxError at subprotocols that are no tokens, or the same twice.
    throw new HandshakeRefused(error instanceof SyntaxError ? 400 : 502, String(error))
  }
}

function attempt({ url, headers, gone }: DialSettings, protocols: readonly string[]): Promise<Dialled> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [...protocols], {
      headers: headers as Record<string, string>,
      handshakeTimeout: PATIENCE_MS,
      maxPayload: LARGEST_MESSAGE,
      perMessageDeflate: false,
    })
    gone.addEventListener('abort', () => socket.terminate(), { once: true })
    socket.on('error', reject)
    socket.once('unexpected-response', (_request, { statusCode = 502 }) => {
      reject(new HandshakeRefused(statusCode < 400 ? 502 : statusCode, 'the relay refuses'))
      socket.terminate()
    })
    socket.once('upgrade', ({ socket: stream }) => {
      socket.once('open', () => {
        socket.pause()
        resolve({ socket, stream })
      })
    })
  })
}
