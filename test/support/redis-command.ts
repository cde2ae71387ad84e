/** Sends one command to a Redis server on a connection of its own, which sends nothing else: some tests read what was called. */

import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import type { TlsFiles } from './tls.ts'

const TIMEOUT_MS = 10_000

export interface RedisPlace {
  readonly port: number
  readonly tls?: TlsFiles | undefined
  readonly database?: number
}

/** The reply as redis-cli prints it: items one a line, and errors as they are; empty if the server cannot be reached. */
export async function redisCommand(place: RedisPlace, words: readonly string[]): Promise<string> {
  const [name = '', ...args] = words
  const { port, tls, database = 0 } = place
  const client = new Redis({
    port,
    host: tls === undefined ? '127.0.0.1' : 'localhost',
    db: database,
    ...(tls && { tls: secretsOf(tls) }),
    protocol: 2,
    lazyConnect: true,
    enableReadyCheck: false,
    disableClientInfo: true,
    retryStrategy: () => null,
    commandTimeout: TIMEOUT_MS,
  })
  client.on('error', () => {})
  try {
    await client.connect()
  } catch {
    return ''
  }
  try {
    return printed(await client.call(name, ...args))
  } catch (error) {
    if ((error as Error).name === 'ReplyError') return (error as Error).message
    throw error
  } finally {
    client.disconnect()
  }
}

function printed(reply: unknown): string {
  return Array.isArray(reply) ? reply.map(printed).join('\n') : String(reply ?? '').trim()
}

function secretsOf({ ca, clientCert, clientKey }: TlsFiles) {
  const [caText, cert, key] = [ca, clientCert, clientKey].map((file) => readFileSync(file, 'utf8'))
  return { ca: caText, cert, key }
}
