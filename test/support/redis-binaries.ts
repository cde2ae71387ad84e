/** Finds the programs of Redis on this machine, and installs them where a test may. */

import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface RedisBinaries {
  readonly server: string
  readonly cli: string
}

/**
 * Redis or Valkey from PATH; on Debian, as root, installed with apt where it is missing.
 * @throws Error saying how to get it
 */
export async function findRedis(): Promise<RedisBinaries> {
  const found = onPath()
  if (found !== undefined) return found
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) await install()
  const installed = onPath()
  if (installed !== undefined) return installed
  throw new Error(
    'these tests run on a real redis-server, and there is none on PATH: install it ' +
      '(apt-get install redis-server, brew install redis) and try again',
  )
}

function onPath(): RedisBinaries | undefined {
  for (const name of ['redis', 'valkey']) {
    const server = which(`${name}-server`)
    const cli = which(`${name}-cli`)
    if (server !== undefined && cli !== undefined) return { server, cli }
  }
  return undefined
}

function which(program: string): string | undefined {
  const candidates = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program))
  return candidates.find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Several test workers may come here at once: the lock lets one install, and is gone when its holder dies. */
async function install(): Promise<void> {
  const once =
    'command -v redis-server || { apt-get update && apt-get install -y --no-install-recommends redis-server; }'
  await run('flock', [join(tmpdir(), 'keypackage-gateway-install.lock'), 'sh', '-c', once], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: 300_000,
  })
}
