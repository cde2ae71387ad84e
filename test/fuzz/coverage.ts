/**
 * What the code that jazzer.js has instrumented reports: which branches it took how often, and what it compared. It calls the
 * global `Fuzzer`; jazzer.js has one in a native addon, which needs a newer C library than many machines have.
 */

import { register } from 'node:module'
import type { Feedback } from './exploration.ts'

interface Counters {
  readonly counts: Uint8Array
  /** A bit for each order of magnitude that a count has had. */
  readonly seen: Uint8Array
}

const MAX_COMPARED = 200
const MAX_COMPARED_LENGTH = 64

const modules: Counters[] = []
const compared: string[] = []
let nextCompared = 0

/** Has every module of the project that is loaded from now on instrumented. */
export function instrument(): void {
  Object.assign(globalThis, {
    Fuzzer: {
      coverageTracker: { createModuleCounters },
      tracer: { traceStrCmp, traceNumberCmp, traceAndReturn },
    },
    __jazzer_registerSourceMap: () => undefined,
  })
  register('@jazzer.js/instrumentor/dist/esm-loader.mjs', import.meta.url, {
    data: {
      includes: ['/dist/fuzz/plugin/', '/dist/fuzz/adapters/'],
      excludes: ['node_modules'],
      coverage: false,
      seed: 1,
    },
  })
}

export const feedback: Feedback = {
  compared,
  hasReachedNew() {
    let hasNew = false
    for (const { counts, seen } of modules) {
      for (let at = 0; at < counts.length; at++) {
        const count = counts[at] ?? 0
        if (count === 0) continue
        counts[at] = 0
        const magnitude = 1 << (31 - Math.clz32(count))
        if (((seen[at] ?? 0) & magnitude) !== 0) continue
        seen[at] = (seen[at] ?? 0) | magnitude
        hasNew = true
      }
    }
    return hasNew
  },
}

/** How many branches were taken at all, of how many there are in the modules that were loaded. */
export function branches(): { readonly taken: number; readonly all: number } {
  let taken = 0
  let all = 0
  for (const { seen } of modules) {
    all += seen.length
    taken += seen.reduce((sum, magnitudes) => sum + (magnitudes === 0 ? 0 : 1), 0)
  }
  return { taken, all }
}

function createModuleCounters(size: number): Uint8Array {
  const counts = new Uint8Array(size)
  modules.push({ counts, seen: new Uint8Array(size) })
  return counts
}

function note(value: unknown): void {
  if (typeof value !== 'string' || value === '' || value.length > MAX_COMPARED_LENGTH) return
  if (compared.includes(value)) return
  compared[nextCompared % MAX_COMPARED] = value
  nextCompared += 1
}

function traceStrCmp(one: unknown, other: unknown, operator: string): boolean {
  if (operator.length !== 3) throw new Error(`the code compares with ${operator}`)
  const isEqual = one === other
  if (!isEqual && typeof one === 'string' && typeof other === 'string') {
    note(one)
    note(other)
  }
  return operator.startsWith('!') ? !isEqual : isEqual
}

function traceNumberCmp(one: number, other: number, operator: string): boolean {
  switch (operator) {
    case '===':
      return one === other
    case '!==':
      return one !== other
    case '<':
      return one < other
    case '<=':
      return one <= other
    case '>':
      return one > other
    case '>=':
      return one >= other
    default:
      throw new Error(`the code compares with ${operator}`)
  }
}

function traceAndReturn(current: unknown, target: unknown): unknown {
  if (current !== target) note(target)
  return target
}
