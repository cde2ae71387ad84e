/** Starts all processes of tests. None of them, nor their children, outlives its test file. */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { tellWatchdog } from './watchdog.ts'

/** `spawn` of Node.js with a process group of its own, so that children are killed as well. */
export const startProcess = ((program: string, args: readonly string[], options: SpawnOptions = {}) => {
  const child = spawn(program, args, { ...options, detached: true })
  watchOver(child)
  return child
}) as typeof spawn

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, without standard input. */
export async function finish(
  program: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Finished> {
  const child = startProcess(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  return { code, stdout, stderr }
}

/** The same, but resolves with its standard output and rejects if its exit code is not 0. */
export async function run(...call: Parameters<typeof finish>): Promise<string> {
  const { code, stdout, stderr } = await finish(...call)
  if (code !== 0)
    throw new Error(`${call.slice(0, 2).flat().join(' ')} ended with ${code}: ${stdout}${stderr}`)
  return stdout
}

function watchOver(child: ChildProcess): void {
  const { pid } = child
  if (pid === undefined) return
  tellWatchdog('begun', pid)
  child.once('exit', () => {
    if (!hasMembers(pid)) tellWatchdog('over', pid)
  })
}

/** Whether any process of the group is still running. */
function hasMembers(group: number): boolean {
  try {
    return process.kill(-group, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
