/**
 * Whether a data file of LMDB is whole. LMDB maps it as it is, and the system kills the process (SIGBUS) where a page is
 * missing.
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { missingPages } from './reachable-pages.ts'

/** `MDB_MAGIC` and `MDB_DATA_VERSION` (mdb.c). */
const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
/** Offsets in a meta page of a 64-bit machine (`MDB_page_header`, then `MDB_meta`). */
const META = { flags: 18, magic: 24, pageSize: 48, roots: [88, 136], lastPage: 144, txnId: 152, end: 160 }
/** Version 1 and 32-bit machines have a shorter page header. */
const OTHER_MAGIC = 16
const META_PAGE = 0x08
const HAS_32_BITS: readonly string[] = ['arm', 'ia32', 'mipsel']

export type DataFileState =
  /** It has no bytes: LMDB makes a store of it. */
  | { readonly state: 'empty' }
  | { readonly state: 'whole' }
  /** Another program or another machine wrote it. */
  | { readonly state: 'foreign'; readonly why: string }
  /** @param txnId the last transaction, if that can be read; while it increases, another process works with the file */
  | { readonly state: 'damaged'; readonly why: string; readonly txnId?: number }

interface Meta {
  readonly pageSize: number
  readonly lastPage: number
  readonly txnId: number
  readonly roots: readonly number[]
}

/** @throws an error of the system if the file cannot be read */
export function dataFileState(file: string): DataFileState {
  const descriptor = openSync(file, 'r')
  try {
    return stateOf(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function stateOf(descriptor: number): DataFileState {
  const first = readAt(descriptor, 0, META.end)
  if (first.length === 0) return { state: 'empty' }
  // What a power failure or a broken copy leaves.
  if (first.every((byte) => byte === 0)) return { state: 'damaged', why: 'it begins with zeros' }
  const why = foreignWhy(first)
  if (why !== undefined) return { state: 'foreign', why }
  if (HAS_32_BITS.includes(process.arch)) return { state: 'whole' }
  const meta = metaOf(first)
  const other = meta && metaOf(readAt(descriptor, meta.pageSize, META.end))
  // LMDB would continue from the other one, which can be a transaction older: what that spent would be back (I3).
  if (meta === undefined || other === undefined)
    return { state: 'damaged', why: `one of its two meta pages is ${meta ? 'missing or ' : ''}invalid` }
  const latest = other.txnId > meta.txnId ? other : meta
  // After the meta pages, because other processes write: LMDB writes all pages before the meta page that refers to them.
  const { size } = fstatSync(descriptor)
  if (size >= (latest.lastPage + 1) * latest.pageSize) return { state: 'whole' }
  // It may be shorter: pages that a transaction took and gave back are never written (`mm_last_pg`).
  const pages = Math.floor(size / latest.pageSize)
  const read = (page: number) => readAt(descriptor, page * latest.pageSize, latest.pageSize)
  const missing = missingPages(read, latest.roots, pages)
  if (missing === undefined) return { state: 'whole' }
  return { state: 'damaged', why: `it ends after ${size} bytes, and ${missing}`, txnId: latest.txnId }
}

/** Why it is no file of this version of LMDB on this kind of machine. */
function foreignWhy(bytes: Buffer): string | undefined {
  const orders = [META.magic, OTHER_MAGIC]
    .filter((offset) => bytes.length >= offset + 8)
    .map((offset) => ({
      offset,
      isOurs: bytes.readUInt32LE(offset) === MAGIC,
      isSwapped: bytes.readUInt32BE(offset) === MAGIC,
    }))
  const found = orders.find(({ isOurs, isSwapped }) => isOurs || isSwapped)
  if (found === undefined) return 'is not an LMDB file'
  if (found.isSwapped) return 'was written on a machine with another byte order'
  const version = bytes.readUInt16LE(found.offset + 4)
  const ours = HAS_32_BITS.includes(process.arch) ? OTHER_MAGIC : META.magic
  if (found.offset === ours && version === DATA_VERSION) return undefined
  return `was written by another version of LMDB (data version ${version}), as that of strfry is`
}

function metaOf(bytes: Buffer): Meta | undefined {
  if (bytes.length < META.end || foreignWhy(bytes) !== undefined) return undefined
  if ((bytes.readUInt16LE(META.flags) & META_PAGE) === 0) return undefined
  const pageSize = bytes.readUInt32LE(META.pageSize)
  if (pageSize < 256 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) return undefined
  return {
    pageSize,
    lastPage: Number(bytes.readBigUInt64LE(META.lastPage)),
    txnId: Number(bytes.readBigUInt64LE(META.txnId)),
    roots: META.roots.map((offset) => Number(bytes.readBigUInt64LE(offset))),
  }
}

/** Fewer bytes where the file ends. */
function readAt(descriptor: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  return bytes.subarray(0, readSync(descriptor, bytes, 0, length, position))
}
