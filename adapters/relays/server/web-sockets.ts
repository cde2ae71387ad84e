/** How clients' WebSockets are made: within which sizes messages are read, whether compressed, and how one that is too large ends. */

import type { IncomingMessage } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'
import type { GatewayMessage } from '../../../plugin/nostr/messages.ts'

export interface WebSocketsSettings {
  /** It may change; a client keeps what it found. */
  readonly maxMessageBytes: () => number
  /** Whether clients are offered permessage-deflate. */
  readonly compression: boolean
  /** The subprotocol selected for a request, if any. */
  readonly protocolOf: (request: IncomingMessage) => string | undefined
}

/**
 * Compresses only messages long enough to benefit, and keeps no state between messages, to use little memory per client.
 */
const COMPRESSION = {
  threshold: 512,
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 12,
  zlibDeflateOptions: { level: 3, memLevel: 5 },
}

/** Of one message. A client that writes through a buffer of 1 kB needs 512 for the largest message of the default. */
const MAX_FRAGMENTS = 1024
/** Packets of a message that has not arrived as a whole: each costs memory beside its bytes (I9). */
const MIN_CHUNKS = 1024
const MEAN_CHUNK_BYTES = 256
/** A message that is larger than the maximum by no more than this is read, and answered with a refusal. */
const MAX_EXCESS_BYTES = 524_288
const WHY: GatewayMessage = ['NOTICE', 'invalid: the message is too large']
/** RFC 6455 section 7.4.1. */
const TOO_LARGE = 1009

/** A message of this size or more is not read: it ends the connection. */
function readableBytes(maxMessageBytes: number): number {
  return maxMessageBytes + Math.min(maxMessageBytes, MAX_EXCESS_BYTES)
}

/** Returns the server for the next client. */
export function webSocketServers(settings: WebSocketsSettings): () => WebSocketServer {
  let maxMessageBytes = settings.maxMessageBytes()
  let server = serverFor(maxMessageBytes, settings)
  return () => {
    const most = settings.maxMessageBytes()
    if (most !== maxMessageBytes) server = serverFor(most, settings)
    maxMessageBytes = most
    return server
  }
}

function serverFor(
  maxMessageBytes: number,
  { compression, protocolOf }: WebSocketsSettings,
): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    maxPayload: readableBytes(maxMessageBytes),
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: Math.max(MIN_CHUNKS, Math.ceil(maxMessageBytes / MEAN_CHUNK_BYTES)),
    perMessageDeflate: compression && COMPRESSION,
    clientTracking: false,
    WebSocket: ClientSocket,
    handleProtocols: (_offered, request) => protocolOf(request) ?? false,
  })
}

/** ws itself closes a client whose message is too large, before anybody hears of it; then the client hears why. */
class ClientSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    const isUnexplained = code === TOO_LARGE && reason === undefined && this.readyState === WebSocket.OPEN
    if (isUnexplained) this.send(JSON.stringify(WHY))
    super.close(code, isUnexplained ? 'the message is too large' : reason)
  }
}
