/** A WebSocket client byte by byte (RFC 6455), for what no library sends. */

/** The handshake, as text, with what is offered in Sec-WebSocket-Extensions. */
export function handshake(url: string, extensions?: string): string {
  const offered = extensions === undefined ? '' : `Sec-WebSocket-Extensions: ${extensions}\r\n`
  return (
    `GET / HTTP/1.1\r\nHost: ${new URL(url).host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${offered}\r\n`
  )
}

/** A masked frame (RFC 6455 section 5.2): its first byte, and up to 65,535 bytes of payload. */
export function frame(first: number, payload: Buffer): Buffer {
  const mask = Buffer.of(1, 2, 3, 4)
  const { length } = payload
  const head =
    length < 126 ? Buffer.of(first, 0x80 | length) : Buffer.of(first, 0xfe, length >> 8, length & 0xff)
  return Buffer.concat([head, mask, payload.map((byte, index) => byte ^ ((index % 4) + 1))])
}
