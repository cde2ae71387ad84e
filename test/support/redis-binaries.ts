/** Finds the Redis programs on this machine. */

import { basename, dirname, join } from 'node:path'
import { requiredProgram } from './programs.mjs'

export interface RedisBinaries {
  readonly server: string
  readonly cli: string
}

/**
 * The server in REDIS_SERVER, or else Redis or Valkey from PATH, with the command line client next to it.
 * @throws Error with how to install it
 */
export function findRedis(): RedisBinaries {
  const server = process.env.REDIS_SERVER || requiredProgram('Redis')
  return { server, cli: join(dirname(server), basename(server).replace('-server', '-cli')) }
}
