/** Where the programs of Redis are on this machine. */

import { basename, dirname, join } from 'node:path'
import { requiredProgram } from './programs.mjs'

export interface RedisBinaries {
  readonly server: string
  readonly cli: string
}

/**
 * The server that REDIS_SERVER names, else Redis or Valkey from PATH, each with the command line client beside it.
 * @throws Error saying how to get it
 */
export function findRedis(): RedisBinaries {
  const server = process.env.REDIS_SERVER || requiredProgram('Redis')
  return { server, cli: join(dirname(server), basename(server).replace('-server', '-cli')) }
}
