/**
 * Reads and writes the TLS presentation language (RFC 9420 section 2.1). Only the one valid encoding of a structure is
 * accepted, so the bytes themselves can be hashed, compared and verified.
 */

import { Refusal } from '../nostr/refusal.ts'

/** Reads bytes from front to back. Every method throws a Refusal that names the field in which the data ends. */
export class TlsReader {
  readonly #bytes: Buffer
  readonly #refuse: (why: string) => Refusal
  #position = 0

  constructor(bytes: Uint8Array, refuse = notAKeyPackage) {
    this.#refuse = refuse
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get position(): number {
    return this.#position
  }

  get remaining(): number {
    return this.#bytes.length - this.#position
  }

  /** The bytes read since a position. */
  since(start: number): Buffer {
    return this.#bytes.subarray(start, this.#position)
  }

  uint8(field: string): number {
    return this.#bytes.readUInt8(this.#advance(1, field))
  }

  uint16(field: string): number {
    return this.#bytes.readUInt16BE(this.#advance(2, field))
  }

  /** Exact up to 2^53, which is enough for times. */
  uint64(field: string): number {
    return Number(this.#bytes.readBigUInt64BE(this.#advance(8, field)))
  }

  /** `opaque field<V>` (RFC 9420 section 2.1.2). */
  opaque(field: string): Buffer {
    const length = this.#length(field)
    const start = this.#advance(length, field)
    return this.#bytes.subarray(start, start + length)
  }

  /** `T field<V>`: calls `readItem` until the end of the vector. */
  vector<Item>(field: string, readItem: (reader: TlsReader) => Item): Item[] {
    const reader = new TlsReader(this.opaque(field), this.#refuse)
    const items: Item[] = []
    while (reader.remaining > 0) items.push(readItem(reader))
    return items
  }

  /** RFC 9420 section 2.1.2: a length that is not minimally encoded is malformed. */
  #length(field: string): number {
    const first = this.uint8(field)
    const size = 1 << (first >> 6)
    if (size === 8) throw this.#refuse(`the length of ${field} has an invalid prefix`)
    let length = first & 0x3f
    for (let more = 1; more < size; more++) length = length * 256 + this.uint8(field)
    if (lengthSize(length) !== size) throw this.#refuse(`the length of ${field} is not minimally encoded`)
    return length
  }

  #advance(count: number, field: string): number {
    if (count > this.remaining) throw this.#refuse(`the data ends inside ${field}`)
    const start = this.#position
    this.#position += count
    return start
  }
}

/** The length prefix of `opaque field<V>`. */
export function vectorHeader(length: number): Buffer {
  const size = lengthSize(length)
  const header = Buffer.alloc(size)
  header.writeUIntBE(length, 0, size)
  header[0] = (header[0] ?? 0) | (Math.log2(size) << 6)
  return header
}

/** The Refusal of bytes that are not a valid KeyPackage. */
export function notAKeyPackage(why: string): Refusal {
  return new Refusal('invalid', `not an MLS KeyPackage (${why})`)
}

function lengthSize(length: number): 1 | 2 | 4 {
  if (length < 64) return 1
  return length < 16_384 ? 2 : 4
}
