/** `serve` as a process, with a store in a directory, as a target of the behaviour suite. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProxyOptions, ServerOptions } from '../../adapters/relays/server/server-options.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import { type Serving, serveCli } from '../support/cli.ts'
import { residentBytes } from '../support/process-usage.ts'
import type { Target } from './behaviour/scene.ts'

export interface ServeProcess extends Target, Pick<Serving, 'kill' | 'finished' | 'log' | 'pid'> {}

export interface ServeSettings extends OptionsInput {
  readonly server?: Partial<ServerOptions>
  /** By default an LMDB store in the directory. */
  readonly store?: string
  /** By default a free port of 127.0.0.1. */
  readonly listen?: string
  /** The relay behind the proxy. */
  readonly upstream?: string
  readonly proxy?: Partial<ProxyOptions>
  readonly admin?: { readonly pubkeys?: readonly string[]; readonly listen?: string }
  readonly audit?: { readonly to: 'file'; readonly path: string }
  readonly workers?: number
}

/** Starts it on `directory`, which several may share; it uses the machine's clock. */
export async function startServe(
  directory: string,
  { listen = '127.0.0.1:0', ...settings }: ServeSettings = {},
): Promise<ServeProcess> {
  const config = join(directory, 'config.yaml')
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ store: `lmdb:${join(directory, 'store')}`, ...settings }))
  const operator = settings.admin?.listen === undefined ? [] : ['--admin-listen', settings.admin.listen]
  const serving = await serveCli(['--config', config, '--listen', listen, ...operator])
  return {
    ...serving,
    now: () => Math.floor(Date.now() / 1000),
    stop: async () => {
      serving.kill('SIGTERM')
      await serving.finished
    },
  }
}

/** How much memory the process uses. */
export function residentMegabytes({ pid }: Pick<ServeProcess, 'pid'>): number {
  return residentBytes(pid) / 2 ** 20
}
