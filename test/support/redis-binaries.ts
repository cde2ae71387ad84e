/** Finds the programs of Redis on this machine, and installs them where a test may. */

import { basename, dirname, join } from 'node:path'
import { installOnDebian, onPath } from './programs.ts'

export interface RedisBinaries {
  readonly server: string
  readonly cli: string
}

/**
 * The server that REDIS_SERVER names, with the cli that lies beside it; else Redis or Valkey from PATH; on Debian, as root, installed with apt where it is missing.
 * @throws Error saying how to get it
 */
export async function findRedis(): Promise<RedisBinaries> {
  const found = findHere()
  if (found !== undefined) return found
  await installOnDebian('redis-server', 'redis-server')
  const installed = findHere()
  if (installed !== undefined) return installed
  throw new Error(
    'these tests run on a real redis-server, and there is none on PATH: install it ' +
      '(apt-get install redis-server, brew install redis) and try again',
  )
}

function findHere(): RedisBinaries | undefined {
  const server = process.env.REDIS_SERVER
  if (server) return { server, cli: join(dirname(server), basename(server).replace('-server', '-cli')) }
  for (const name of ['redis', 'valkey']) {
    const server = onPath(`${name}-server`)
    const cli = onPath(`${name}-cli`)
    if (server !== undefined && cli !== undefined) return { server, cli }
  }
  return undefined
}
