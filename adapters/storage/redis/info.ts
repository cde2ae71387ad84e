/** Reads the INFO of a server. */

import type { Redis } from 'ioredis'

/** The fields of INFO by name, of the given or the default sections. */
export async function infoOf(server: Redis, ...sections: readonly string[]): Promise<Map<string, string>> {
  const info = await server.info(...sections)
  const fields = info.split('\r\n').map((line) => line.split(':', 2))
  return new Map(fields.map(([name = '', value = '']) => [name, value]))
}

/** How many replicas of a master are connected and synchronized; 0 if the user may not ask. */
export async function connectedReplicas(server: Redis): Promise<number> {
  const info = await infoOf(server, 'replication').catch((error: Error) => {
    if (error.message.startsWith('NOPERM')) return new Map<string, string>()
    throw error
  })
  return [...info].filter(([name, value]) => /^slave\d+$/.test(name) && value.includes('state=online')).length
}
