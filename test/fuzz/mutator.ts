/** Changes inputs: their bytes, and, in lines that are JSON, their values, so that what comes out is often still JSON. */

export type Random = (limit: number) => number

export interface Material {
  /** Another input, of which parts are taken. */
  readonly other: Buffer
  /** Words of the target, and what it has compared its input with. */
  readonly words: readonly string[]
}

const MAX_LENGTH = 20_000
const MAX_CHANGES = 4
const ODD_NUMBERS = [0, -0, -1, 1, 0.5, 255, 256, 443, 30443, 65_535, 65_536, 65_979, 2 ** 31, 2 ** 53, 1e308]
const ODD_TEXTS = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\u2028',
  '__proto__',
  'é',
  '😀',
  '"',
  '\\',
  '%2e%2e/',
  '\r\n',
]
const ODD_VALUES = [null, true, false, [], {}, [[]], ['-'], '[]']

/** A changed copy. */
export function mutated(input: Buffer, random: Random, material: Material): Buffer {
  let changed = input
  for (let left = 1 + random(MAX_CHANGES); left > 0; left--) {
    const byValue = random(3) > 0 ? changedValue(changed, random, material) : undefined
    changed = byValue ?? changedBytes(changed, random, material)
  }
  return changed.subarray(0, MAX_LENGTH)
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  const item = items[random(items.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}

function changedBytes(input: Buffer, random: Random, { other, words }: Material): Buffer {
  const at = random(input.length + 1)
  const length = 1 + random(Math.min(16, Math.max(1, input.length - at)))
  const [head, tail] = [input.subarray(0, at), input.subarray(at)]
  const from = random(other.length + 1)
  const changes: readonly (() => readonly Uint8Array[])[] = [
    () => [head, Buffer.of((tail[0] ?? 0) ^ (1 << random(8))), tail.subarray(1)],
    () => [head, Buffer.of(random(256)), tail.subarray(1)],
    () => [head, Buffer.of(random(256)), tail],
    () => [head, tail.subarray(length)],
    () => [head, tail.subarray(0, length), tail],
    () => [head, Buffer.alloc(length, random(256)), tail],
    () => [head],
    () => [head, other.subarray(from, from + 1 + random(64)), tail],
    () => [head, other.subarray(from)],
    () => [head, word(words, random), tail],
    () => {
      const by = word(words, random)
      return [head, by, tail.subarray(by.length)]
    },
  ]
  return Buffer.concat(pick(changes, random)())
}

function word(words: readonly string[], random: Random): Buffer {
  return Buffer.from(words.length === 0 ? '' : pick(words, random), 'utf8')
}

/** One line with a value changed, or lines changed among themselves; undefined where the line is no JSON. */
function changedValue(input: Buffer, random: Random, material: Material): Buffer | undefined {
  const texts = input.toString().split('\n')
  const at = random(texts.length)
  if (texts.length > 1 && random(8) === 0) return Buffer.from(rearranged(texts, at, random).join('\n'))
  if (random(8) === 0) {
    const taken = pick(material.other.toString().split('\n'), random)
    return Buffer.from(texts.toSpliced(at, random(2), taken).join('\n'))
  }
  const value = parsed(texts[at] ?? '')
  if (typeof value !== 'object' || value === null) return undefined
  const others = parsed(pick(material.other.toString().split('\n'), random))
  return Buffer.from(
    texts.with(at, JSON.stringify(changedInside(value, others, random, material))).join('\n'),
  )
}

function rearranged(texts: readonly string[], at: number, random: Random): string[] {
  const text = texts[at] ?? ''
  const changes = [
    () => texts.toSpliced(at, 1),
    () => texts.toSpliced(at, 0, text),
    () => texts.toSpliced(at, 1).toSpliced(random(texts.length), 0, text),
  ]
  return pick(changes, random)()
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A copy with a change at a random place of the tree. */
function changedInside(value: unknown, others: unknown, random: Random, material: Material): unknown {
  const isTree = typeof value === 'object' && value !== null
  if (!isTree || Object.keys(value).length === 0 || random(6) === 0)
    return replacement(value, others, random, material)
  const entries = Object.entries(value)
  const at = random(entries.length)
  const [key, inside] = entries[at] ?? ['', null]
  const changes = [
    () => entries.toSpliced(at, 1),
    () => entries.toSpliced(at, 0, [key, inside]),
    () => entries.with(at, [material.words.length === 0 ? key : pick(material.words, random), inside]),
    ...Array.from({ length: 7 }, () => () => {
      return entries.with(at, [key, changedInside(inside, others, random, material)])
    }),
  ]
  const changed = pick(changes, random)()
  return Array.isArray(value) ? changed.map(([, item]) => item) : Object.fromEntries(changed)
}

function replacement(value: unknown, others: unknown, random: Random, { words }: Material): unknown {
  const texts = words.length === 0 ? ODD_TEXTS : words
  const changes = [
    () => pick<unknown>(ODD_VALUES, random),
    () => pick(ODD_NUMBERS, random),
    () => pick(ODD_TEXTS, random),
    () => pick(texts, random),
    () => pick(texts, random),
    () => insideOf(others, random),
    () => [value],
    () => [value, value],
    () => String(value),
    () => Number(value),
    () => nested(value, random),
  ]
  if (typeof value === 'number')
    changes.push(
      () => value + 1,
      () => value - 1,
      () => -value,
      () => value * 2,
    )
  if (typeof value === 'string') changes.push(...changesOf(value, texts, random))
  return pick(changes, random)()
}

function changesOf(text: string, texts: readonly string[], random: Random): (() => unknown)[] {
  const at = random(text.length + 1)
  return [
    () => text.slice(0, at),
    () => text.slice(at),
    () => text.slice(0, at) + pick(ODD_TEXTS, random) + text.slice(at),
    () => text.slice(0, at) + pick(texts, random) + text.slice(at + random(4)),
    () => text.toUpperCase(),
    () => text.repeat(1 + random(8)),
  ]
}

/** Some value of another input. */
function insideOf(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null || random(3) === 0) return value ?? null
  const inside = Object.values(value)
  return inside.length === 0 ? value : insideOf(pick(inside, random), random)
}

function nested(value: unknown, random: Random): unknown {
  let outer = value
  for (let depth = random(100); depth > 0; depth--) outer = [outer]
  return outer
}
