/** Starts processes that work on one LMDB store, and reads what they were answered. */

import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Pubkey } from '../../plugin/nostr/messages.ts'
import type { StoredKeyPackage } from '../../plugin/store.ts'
import { run, startProcess } from './processes.ts'

/** What a worker prints: an answer that the store has given it. */
export type Line =
  | { readonly do: 'ready' }
  | { readonly do: 'put'; readonly pkg: StoredKeyPackage }
  | {
      readonly do: 'claim'
      readonly author: Pubkey
      readonly requester: string
      readonly ids: readonly string[]
      readonly sharedUsed: boolean
    }

export class LmdbWorker {
  readonly lines: Line[] = []
  readonly #process: ChildProcessWithoutNullStreams
  readonly #read: Promise<unknown>
  #onLine: () => void = () => undefined

  constructor(path: string, name: string, mode: 'churn' | 'claim') {
    const script = fileURLToPath(new URL('./lmdb-worker.mjs', import.meta.url))
    this.#process = startProcess(process.execPath, [script, path, name, mode])
    this.#process.stderr.pipe(process.stderr)
    const reader = createInterface(this.#process.stdout)
    reader.on('line', (line) => {
      this.lines.push(JSON.parse(line))
      this.#onLine()
    })
    this.#read = once(reader, 'close')
  }

  /** Resolves once it has printed so many lines, or has ended. */
  async printed(count: number): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      this.#onLine = () => {
        if (this.lines.length >= count) resolve()
      }
      this.#onLine()
    })
    await Promise.race([enough, this.#read])
  }

  /** Lets a `claim` worker begin. */
  go(): void {
    this.#process.stdin.write('go\n')
  }

  /** Kills it, and reads the rest of its output. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#read
  }

  /** Resolves when it has ended by itself and all that it printed was read. */
  async ended(): Promise<void> {
    await this.#read
  }
}

/** Runs `lmdb-full.mjs` where no file may grow beyond a megabyte, which is what a full disk is to LMDB. */
export async function runLimited(path: string): Promise<{
  readonly rejected: number
  readonly stored: readonly string[]
  readonly error: string
}> {
  const script = fileURLToPath(new URL('./lmdb-full.mjs', import.meta.url))
  const command = 'ulimit -f 2048; exec "$0" "$@" 2>/dev/null'
  return JSON.parse(await run('sh', ['-c', command, process.execPath, script, path]))
}
