/** Node's Buffer in the browser: as much of it as the checks of key packages use. */

type BufferEncoding = 'utf8' | 'latin1' | 'hex' | 'base64' | 'base64url'

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/
const HEX = /^([0-9a-fA-F]{2})*$/

class BrowserBuffer extends Uint8Array {
  /**
   * Text that is not in the encoding gives no bytes. Node.js gives those before the fault; whoever compares the bytes with the
   * text, as `readContent` does, refuses either.
   */
  static override from(
    source: string | ArrayBufferLike | Iterable<number> | ArrayLike<number>,
    offsetOrEncoding?: unknown,
    length?: unknown,
  ): BrowserBuffer {
    if (typeof source === 'string') return fromText(source, String(offsetOrEncoding ?? 'utf8'))
    if (source instanceof ArrayBuffer)
      return new BrowserBuffer(source, Number(offsetOrEncoding ?? 0), length as number | undefined)
    return new BrowserBuffer(source as ArrayLike<number>)
  }

  static override of(...bytes: number[]): BrowserBuffer {
    return new BrowserBuffer(bytes)
  }

  static alloc(size: number): BrowserBuffer {
    return new BrowserBuffer(size)
  }

  static byteLength(text: string): number {
    return new TextEncoder().encode(text).length
  }

  static concat(parts: readonly Uint8Array[]): BrowserBuffer {
    const whole = new BrowserBuffer(parts.reduce((total, { length }) => total + length, 0))
    let position = 0
    for (const part of parts) {
      whole.set(part, position)
      position += part.length
    }
    return whole
  }

  equals(other: Uint8Array): boolean {
    return this.length === other.length && this.every((byte, index) => byte === other[index])
  }

  readUInt8(offset: number): number {
    return this.#view().getUint8(offset)
  }

  readUInt16BE(offset: number): number {
    return this.#view().getUint16(offset)
  }

  readBigUInt64BE(offset: number): bigint {
    return this.#view().getBigUint64(offset)
  }

  writeUIntBE(value: number, offset: number, byteLength: number): number {
    for (let index = 0; index < byteLength; index++)
      this[offset + index] = Math.floor(value / 256 ** (byteLength - 1 - index)) & 0xff
    return offset + byteLength
  }

  override toString(encoding: BufferEncoding = 'utf8'): string {
    if (encoding === 'utf8') return new TextDecoder().decode(this)
    if (encoding === 'hex') return [...this].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    const characters = [...this].map((byte) => String.fromCharCode(byte)).join('')
    if (encoding === 'latin1') return characters
    if (encoding === 'base64') return btoa(characters)
    return btoa(characters).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  }

  #view(): DataView {
    return new DataView(this.buffer, this.byteOffset, this.byteLength)
  }
}

function fromText(text: string, encoding: string): BrowserBuffer {
  if (encoding === 'utf8') return new BrowserBuffer(new TextEncoder().encode(text))
  if (encoding === 'hex') {
    const digits = HEX.test(text) ? (text.match(/../g) ?? []) : []
    return new BrowserBuffer(digits.map((pair) => Number.parseInt(pair, 16)))
  }
  return new BrowserBuffer(Array.from(fromBase64(text), (character) => character.charCodeAt(0)))
}

function fromBase64(text: string): string {
  if (!BASE64.test(text)) return ''
  try {
    return atob(text.replaceAll('-', '+').replaceAll('_', '/').replaceAll('=', ''))
  } catch {
    return ''
  }
}

export { BrowserBuffer as Buffer }
