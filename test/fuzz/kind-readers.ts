/** The kinds that JSON parsers of relays and clients may find in a message: they differ in which keys they take, and which of two. */

/** Every value of a key that some parser takes for `kind`, at the top of an object that is an item of the message. */
export function kindsReadIn(text: string): unknown[] {
  const found: unknown[] = []
  const reader = new LooseReader(text, (depth, key, value) => {
    if (depth === 2 && isTakenForKind(key)) found.push(value)
  })
  reader.read()
  return found
}

/** Whatever the case, and with a Kelvin sign for `k` (Unicode case folding, as in Go's encoding/json). */
function isTakenForKind(key: string): boolean {
  return key.toLowerCase() === 'kind'
}

type OnEntry = (depth: number, key: string, value: unknown) => void

/** Reads JSON as the most lenient parser would: it goes on after what is wrong. */
class LooseReader {
  readonly #text: string
  readonly #onEntry: OnEntry
  #at = 0

  constructor(text: string, onEntry: OnEntry) {
    this.#text = text
    this.#onEntry = onEntry
  }

  read(): void {
    let depth = 0
    const isObject: boolean[] = []
    let key: string | undefined
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at] ?? ''
      if (char === '"') {
        const string = this.#string()
        if (isObject[depth] === true && this.#isColonNext()) key = string
        else key = this.#entry(depth, key, string)
      } else if (char === '{' || char === '[') {
        depth += 1
        isObject[depth] = char === '{'
        key = undefined
      } else if (char === '}' || char === ']') {
        depth -= 1
        key = undefined
      } else if (/[-\d]/.test(char)) {
        key = this.#entry(depth, key, this.#number())
      }
    }
  }

  #entry(depth: number, key: string | undefined, value: unknown): undefined {
    if (key !== undefined) this.#onEntry(depth, key, value)
    return undefined
  }

  /** Ends on its last quote. */
  #string(): string {
    const start = this.#at
    let end = start + 1
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1
    this.#at = end
    return unescaped(this.#text.slice(start + 1, end))
  }

  /** Ends on its last digit. */
  #number(): number {
    const [digits = ''] = /^[-+.\dA-Za-z]+/.exec(this.#text.slice(this.#at)) ?? []
    this.#at += digits.length - 1
    return Number(digits)
  }

  #isColonNext(): boolean {
    return /^\s*:/.test(this.#text.slice(this.#at + 1))
  }
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(?:u([\da-f]{4})|x([\da-f]{2})|(.))/gis, (_, u, x, other) =>
    other === undefined ? String.fromCharCode(Number.parseInt(u ?? x, 16)) : other,
  )
}
