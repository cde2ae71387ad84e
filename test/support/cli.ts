/** Runs the command line as a process of its own, as it was built. */

import type { ChildProcess, ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { noteLogged } from './every-log.ts'
import { type Finished, startProcess } from './processes.ts'
import { projectFile } from './project.ts'

export const MAIN = projectFile('dist/adapters/cli/main.js')
const WARM = projectFile('test/support/warm-cli.mjs')

export interface CliSettings {
  readonly env?: Readonly<Record<string, string>>
  /** What it reads on standard input. */
  readonly input?: string
  /** A file that it writes its result to. */
  readonly output?: string
}

/** Runs a command to its end. */
export async function runCli(args: readonly string[], settings: CliSettings = {}): Promise<Finished> {
  const child = startCli(args, settings)
  child.stdin.end(settings.input ?? '')
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  noteLog(stderr)
  return { code, stdout, stderr }
}

/** The process that `runWarm` runs commands in, and what is to be done before the next one. */
let warm: ChildProcess | undefined
let turn: Promise<unknown> = Promise.resolve()

/**
 * Runs a command to its end as `runCli` does, but in a process that this test file starts once and that has loaded the command
 * line: that takes longer than what most commands do. For tests of what a command does; `runCli` is for those of how a process
 * starts, is connected and ends.
 */
export function runWarm(
  args: readonly string[],
  { env = {}, input = '' }: Omit<CliSettings, 'output'> = {},
): Promise<Finished> {
  const finished = turn.then(async () => {
    warm ??= startProcess(process.execPath, [WARM], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    const ended = once(warm, 'message') as Promise<[number]>
    const output = Promise.all([untilNul(warm.stdout), untilNul(warm.stderr)])
    warm.send({ args, env, input })
    const [[code], [stdout, stderr]] = await Promise.all([ended, output])
    noteLog(stderr)
    return { code, stdout, stderr }
  })
  turn = finished.catch(() => undefined)
  return finished
}

/** What comes before the next NUL. Rejects if the stream ends before. */
function untilNul(stream: Readable | null): Promise<string> {
  const pieces: Buffer[] = []
  return new Promise((resolve, reject) => {
    const onEnd = () => reject(new Error(`the process ended: ${Buffer.concat(pieces)}`))
    const onData = (piece: Buffer) => {
      pieces.push(piece)
      if (piece.at(-1) !== 0) return
      stream?.off('data', onData).off('end', onEnd)
      resolve(Buffer.concat(pieces).toString().slice(0, -1))
    }
    stream?.on('data', onData).once('end', onEnd)
  })
}

function noteLog(stderr: string): void {
  for (const line of stderr.split('\n')) if (line.startsWith('{')) noteLogged(line)
}

/**
 * Runs a command to its end on a terminal of its own (`script` of util-linux makes one).
 * @param hear is called with all output so far, and may type
 */
export function onTerminal(
  args: readonly string[],
  hear: (output: string, type: (text: string) => void) => void = () => {},
): Promise<string> {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ')
  const child = startProcess('script', ['-qec', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm-256color', NO_COLOR: '', FORCE_COLOR: '' },
  })
  return new Promise((resolve, reject) => {
    let output = ''
    child.once('error', reject)
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      hear(output, (typed) => child.stdin?.write(typed))
    })
    child.once('close', () => resolve(output))
  })
}

/** A line of the log, as pino writes it. */
interface LogLine {
  readonly level: number
  readonly msg: string
  readonly [field: string]: unknown
}

/** A running `serve`. */
export interface Serving {
  readonly url: string
  readonly pid: number
  /** What it has logged so far. */
  readonly log: readonly LogLine[]
  /** The other lines on stderr, such as those of a crash. */
  readonly complaints: readonly string[]
  kill(signal: NodeJS.Signals): void
  /** Resolves with the exit code and all of standard output. */
  readonly finished: Promise<Pick<Finished, 'code' | 'stdout'>>
}

/** Starts `serve` on a free port, without the operator's listener unless the arguments name it. Rejects with its output if it exits before it serves. */
export async function serveCli(args: readonly string[], settings: CliSettings = {}): Promise<Serving> {
  const operator = args.includes('--admin-listen') ? [] : ['--admin-listen', 'none']
  const child = startCli(['serve', '--listen', '127.0.0.1:0', ...operator, ...args], settings)
  const log: LogLine[] = []
  const complaints: string[] = []
  const finished = Promise.all([once(child, 'exit') as Promise<[number | null]>, text(child.stdout)]).then(
    ([[code], stdout]) => ({ code, stdout }),
  )
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      if (!line.startsWith('{')) {
        complaints.push(line)
        return reject(new Error(line))
      }
      const entry = JSON.parse(line) as LogLine
      log.push(entry)
      noteLogged(line)
      if (typeof entry.url === 'string') resolve(entry.url)
    })
    child.once('exit', () => reject(new Error('it ended before it served')))
  })
  return { url, pid: child.pid ?? 0, log, complaints, finished, kill: (signal) => child.kill(signal) }
}

/** Starts a command; its standard input is open, and empty so far. */
export function startCli(
  args: readonly string[],
  { env = {}, output }: CliSettings = {},
): ChildProcessByStdio<Writable, Readable, Readable> {
  const command = [process.execPath, MAIN, ...args]
  const [program = '', ...rest] =
    output === undefined ? command : ['sh', '-c', 'exec "$@" > "$0"', output, ...command]
  return startProcess(program, rest, {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}
