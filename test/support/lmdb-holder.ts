/** A process that has locked an LMDB store, because it was stopped inside a write. */

import { once } from 'node:events'
import { startProcess } from './processes.ts'
import { projectFile } from './project.ts'

const SCRIPT = projectFile('test/support/lmdb-holder.mjs')

export interface LmdbHolder {
  /** It finishes its write, and ends. */
  proceed(): Promise<void>
  kill(): Promise<void>
}

export async function lockLmdb(path: string): Promise<LmdbHolder> {
  const holder = startProcess(process.execPath, [SCRIPT, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (holder.stdout === null) throw new Error('it has no output')
  const ended = once(holder, 'exit')
  await once(holder.stdout, 'data')
  const end = async (signal: NodeJS.Signals) => {
    holder.kill(signal)
    await ended
  }
  return { proceed: () => end('SIGCONT'), kill: () => end('SIGKILL') }
}
