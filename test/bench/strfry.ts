/** strfry's plugin, used as strfry uses it: through a shell and a pipe, one event at a time. */

import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { keyPackageEvent, makeKeyPackage, signEvent } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import { scratch } from '../support/scratch.ts'
import { questionAbout } from '../support/strfry.ts'
import { alternate, microsecondsOf } from './measure.ts'
import type { BenchRow } from './row.ts'

const ROUNDS = 15
const NOTES_PER_ROUND = 10_000
const KEY_PACKAGES_PER_ROUND = 20
const START_BUDGET = 5
const OTHER_KINDS_BUDGET = 0.9

const node = `'${process.execPath}'`
const main = fileURLToPath(new URL('../../../adapters/cli/main.js', import.meta.url))
const ACCEPTS = `
  let rest = ""
  process.stdin.setEncoding("utf8").on("data", (chunk) => {
    const lines = (rest + chunk).split("\\n")
    rest = lines.pop()
    for (const line of lines) {
      process.stdout.write(JSON.stringify({ id: JSON.parse(line).event.id, action: "accept" }) + "\\n")
    }
  })`

export async function benchStrfry(): Promise<BenchRow[]> {
  const plugin = `${node} '${main}' strfry --quota-new-authors-per-address-max 1000000 --store lmdb:${scratch()}`
  const accepting = `${node} -e '${ACCEPTS}'`
  return [
    await benchStart(plugin),
    await benchOtherKinds(plugin, accepting),
    await benchKeyPackages(plugin, accepting),
  ]
}

async function benchStart(command: string): Promise<BenchRow> {
  const { value, baseline } = await alternate(
    ROUNDS,
    () => millisecondsToFirstAnswer(command),
    async () => (await microsecondsOf(async () => spawnSync(process.execPath, ['-e', '0']))) / 1000,
  )
  const budget = `at most ${START_BUDGET} times the baseline`
  const inside = value <= START_BUDGET * baseline
  return row(
    { name: 'strfry plugin, start to first answer', unit: 'ms', value, baseline, budget, inside },
    'node -e 0',
  )
}

/** New processes in each round: which processor one runs on matters more than what it does. */
async function benchOtherKinds(plugin: string, accepting: string): Promise<BenchRow> {
  const lines = [questionAbout(note())]
  const measure = (command: string) =>
    withPipe(command, async (pipe) => {
      await answersPerSecond(pipe, lines, NOTES_PER_ROUND)
      return answersPerSecond(pipe, lines, NOTES_PER_ROUND)
    })
  const { value, baseline } = await alternate(
    ROUNDS,
    () => measure(plugin),
    () => measure(accepting),
  )
  const budget = `at least ${OTHER_KINDS_BUDGET} times the baseline`
  const inside = value >= OTHER_KINDS_BUDGET * baseline
  return row({ name: 'strfry plugin, other kinds', unit: 'events/s', value, baseline, budget, inside })
}

/** The baseline neither checks nor stores anything, so there is no budget; the row shows the cost of both. */
async function benchKeyPackages(plugin: string, accepting: string): Promise<BenchRow> {
  const events = await keyPackages(2 * ROUNDS * KEY_PACKAGES_PER_ROUND)
  const lines = events.map((event) => questionAbout(event))
  const again = lines.slice(0, KEY_PACKAGES_PER_ROUND)
  const measure = (command: string, next: () => string[]) =>
    withPipe(command, async (pipe) => {
      await answersPerSecond(pipe, next(), KEY_PACKAGES_PER_ROUND)
      return answersPerSecond(pipe, next(), KEY_PACKAGES_PER_ROUND)
    })
  const { value, baseline } = await alternate(
    ROUNDS,
    () => measure(plugin, () => lines.splice(0, KEY_PACKAGES_PER_ROUND)),
    () => measure(accepting, () => again),
  )
  const budget = 'none: checks two signatures, commits to disk'
  return row({ name: 'strfry plugin, key packages', unit: 'events/s', value, baseline, budget, inside: true })
}

function row(
  figures: Omit<BenchRow, 'ratio' | 'baselineName'>,
  baselineName = 'a plugin that only accepts',
): BenchRow {
  return { ...figures, baselineName, ratio: figures.value / figures.baseline }
}

function millisecondsToFirstAnswer(command: string): Promise<number> {
  const line = questionAbout(note())
  const start = performance.now()
  return withPipe(command, async (pipe) => {
    await pipe.ask(line)
    return performance.now() - start
  })
}

async function withPipe<Result>(command: string, act: (pipe: Pipe) => Promise<Result>): Promise<Result> {
  const pipe = new Pipe(command)
  try {
    return await act(pipe)
  } finally {
    await pipe.end()
  }
}

async function answersPerSecond(pipe: Pipe, lines: readonly string[], count: number): Promise<number> {
  const microseconds = await microsecondsOf(async () => {
    for (let index = 0; index < count; index++) await pipe.ask(lines[index % lines.length] ?? '')
  })
  return (count / microseconds) * 1e6
}

function note(): SignedEvent {
  const template = {
    kind: 1,
    created_at: 1_700_000_000,
    tags: [['t', 'nostr']],
    content: 'hello '.repeat(40),
  }
  return signEvent(person().secretKey, template)
}

/** Ten of each author: more would not fit. */
function keyPackages(count: number): Promise<SignedEvent[]> {
  const now = Math.floor(Date.now() / 1000)
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const author = person(`author ${Math.floor(index / 10)}`)
      return keyPackageEvent(author, await makeKeyPackage(author, { now }), { createdAt: now })
    }),
  )
}

class Pipe {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>
  #answered = () => {}

  constructor(command: string) {
    this.#process = spawn('/bin/sh', ['-c', command], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process.stdout.on('data', () => this.#answered())
  }

  /** Answers are short: each comes in one piece. */
  ask(line: string): Promise<void> {
    return new Promise((resolve) => {
      this.#answered = resolve
      this.#process.stdin.write(line)
    })
  }

  async end(): Promise<void> {
    this.#process.stdin.end()
    await once(this.#process, 'close')
  }
}
