/** Which pages the tables of an LMDB data file refer to, and whether the file has all of them. */

/** Offsets in a page (`MDB_page_header`), whose nodes are found by the offsets after its header. */
const PAGE = { flags: 18, lower: 20, nodes: 24 }
const BRANCH = 0x01
const LEAF = 0x02
/** Values of one size, without nodes. */
const PLAIN_LEAF = 0x20
/** Offsets in a node (`MDB_node`). */
const NODE = { low: 0, high: 2, flags: 4, keySize: 6, key: 8 }
/** The value of a node is on pages of its own (`MDB_ovpage`), or a table (`MDB_db`). */
const BIG_DATA = 0x01
const TABLE = 0x02
/** `md_root` in `MDB_db`, and what it is where a table has no entries (`P_INVALID`). */
const ROOT = 40
const NO_PAGE = 2 ** 64

interface References {
  /** Pages with nodes. */
  readonly nodes: readonly number[]
  /** The last pages of values that fill pages. */
  readonly values: readonly number[]
}

/**
 * What is missing, in words.
 * @param roots the root pages of the two tables that a meta page names
 * @param pages how many whole pages the file has
 */
export function missingPages(
  read: (page: number) => Buffer,
  roots: readonly number[],
  pages: number,
): string | undefined {
  const toVisit = roots.filter((root) => root !== NO_PAGE)
  for (let visited = 0; visited <= pages; visited++) {
    const page = toVisit.pop()
    if (page === undefined) return undefined
    if (page >= pages) return `page ${page} is missing`
    const found = referencesOf(read(page))
    if (found === undefined) return `page ${page} is invalid`
    const value = found.values.find((last) => last >= pages)
    if (value !== undefined) return `page ${value} is missing`
    toVisit.push(...found.nodes)
  }
  return 'its pages refer to each other in a circle'
}

/** Undefined where it is no page of a table. */
function referencesOf(page: Buffer): References | undefined {
  const flags = page.readUInt16LE(PAGE.flags)
  if ((flags & PLAIN_LEAF) !== 0) return { nodes: [], values: [] }
  if ((flags & (BRANCH | LEAF)) === 0) return undefined
  const count = page.readUInt16LE(PAGE.lower) >> 1
  try {
    const offsets = Array.from(
      { length: count },
      (_, index) => page.readUInt16LE(PAGE.nodes + 2 * index) + PAGE.nodes,
    )
    if ((flags & BRANCH) !== 0) return { nodes: offsets.map((node) => childOf(page, node)), values: [] }
    const flagged = (flag: number) =>
      offsets.filter((node) => (page.readUInt16LE(node + NODE.flags) & flag) !== 0)
    return {
      nodes: flagged(TABLE)
        .map((node) => readPage(page, valueAt(page, node) + ROOT))
        .filter((root) => root !== NO_PAGE),
      values: flagged(BIG_DATA).map((node) => lastPageOf(page, valueAt(page, node))),
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** `NODEPGNO`: 48 bits, the highest where a leaf has its flags. */
function childOf(page: Buffer, node: number): number {
  const [low, high, highest] = [NODE.low, NODE.high, NODE.flags].map((at) => page.readUInt16LE(node + at))
  return (low ?? 0) + (high ?? 0) * 2 ** 16 + (highest ?? 0) * 2 ** 32
}

function valueAt(page: Buffer, node: number): number {
  return node + NODE.key + page.readUInt16LE(node + NODE.keySize)
}

/** `MDB_ovpage`: the first page, a transaction, and how many pages. */
function lastPageOf(page: Buffer, value: number): number {
  return readPage(page, value) + readPage(page, value + 16) - 1
}

function readPage(page: Buffer, at: number): number {
  return Number(page.readBigUInt64LE(at))
}
