/** Runs a target on changed inputs, and keeps those that reach code which no input has reached before, to change them further. */

import { type Material, mutated, type Random } from './mutator.ts'
import type { Target } from './target.ts'

/** What the instrumented code tells of an execution. */
export interface Feedback {
  /** Whether the last execution reached something new. Asking begins the next one. */
  hasReachedNew(): boolean
  /** Texts that the code has compared its input with lately. */
  readonly compared: readonly string[]
}

/** No instrumented code: seeds are changed, and nothing is learnt. */
export const NO_FEEDBACK: Feedback = { hasReachedNew: () => false, compared: [] }

export interface Finding {
  readonly input: Buffer
  readonly error: unknown
}

export interface Exploration {
  readonly executions: number
  /** Seeds, and what was added to them. */
  readonly corpus: number
  /** One for each promise that is broken. */
  readonly findings: readonly Finding[]
}

export interface ExplorationSettings {
  readonly random: Random
  readonly feedback: Feedback
  /** Whether to go on after so many executions. It is asked first when all seeds have been run. */
  readonly goesOn: (executions: number) => boolean
  /** Called with each input before it is run. */
  readonly onInput?: (input: Buffer) => void
}

const MAX_FINDINGS = 10

export async function explore(target: Target, settings: ExplorationSettings): Promise<Exploration> {
  const { random, feedback, goesOn, onInput } = settings
  const corpus = [...target.seeds]
  const findings = new Map<string, Finding>()
  let executions = 0
  const run = async (input: Buffer): Promise<void> => {
    executions += 1
    onInput?.(input)
    try {
      await target.run(input)
    } catch (error) {
      const summary = summaryOf(error)
      if (!findings.has(summary)) findings.set(summary, { input, error })
    }
  }
  for (const seed of target.seeds) await run(seed)
  feedback.hasReachedNew()
  while (goesOn(executions) && findings.size < MAX_FINDINGS) {
    const input = mutated(chosen(corpus, random), random, materialOf(target, corpus, settings))
    await run(input)
    if (feedback.hasReachedNew()) corpus.push(input)
  }
  return { executions, corpus: corpus.length, findings: [...findings.values()] }
}

/** The newest half of the time: they are the farthest in. */
function chosen(corpus: readonly Buffer[], random: Random): Buffer {
  const from = random(2) === 0 ? 0 : Math.max(0, corpus.length - 20)
  return corpus[from + random(corpus.length - from)] ?? Buffer.alloc(0)
}

function materialOf(target: Target, corpus: readonly Buffer[], settings: ExplorationSettings): Material {
  const { random, feedback } = settings
  return { other: chosen(corpus, random), words: [...target.words, ...feedback.compared] }
}

/** The same finding in fewer bytes, as far as a few hundred attempts lead. */
export async function shrunk(target: Target, { input, error }: Finding): Promise<Buffer> {
  let smallest = input
  let attempts = 400
  for (let size = Math.ceil(input.length / 2); size >= 1 && attempts > 0; size = Math.floor(size / 2)) {
    for (let at = 0; at < smallest.length && attempts > 0; attempts--) {
      const shorter = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)])
      if (await failsAlike(target, shorter, error)) smallest = shorter
      else at += size
    }
  }
  return smallest
}

async function failsAlike(target: Target, input: Buffer, error: unknown): Promise<boolean> {
  try {
    await target.run(input)
    return false
  } catch (again) {
    return summaryOf(again) === summaryOf(error)
  }
}

/** The first line of an error's message: what is broken. */
export function summaryOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return text.split('\n')[0] ?? ''
}
