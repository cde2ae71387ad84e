/** Every setting of the command line: the options of the gateway, and those of its store, server and logs. */

import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { type Options, optionsSchema } from '../../plugin/options.ts'
import { auditOptionsSchema } from '../audit/audit-log.ts'
import { adminOptionsSchema, httpOptionsSchema, metricsOptionsSchema } from '../http/http-options.ts'
import { proxyOptionsSchema, serverOptionsSchema, upstreamSchema } from '../relays/server/server-options.ts'
import { redisOptionsSchema } from '../storage/redis/redis-options.ts'

const ADDRESS = /^((\[[\da-fA-F:.]+\]|[^[\]:\s*/]+):)?\d{1,5}$/

/** Where the host is left out: this machine alone. */
const HOST = '127.0.0.1'

/** @param port of the example */
const listenSchema = (port: number) =>
  z
    .string()
    .refine((address) => ADDRESS.test(address) && hostAndPort(address).port <= 65_535)
    .meta({ examples: [`127.0.0.1:${port}`, String(port)] })

export const settingsSchema = optionsSchema.extend({
  store: z
    .string()
    .regex(/^(memory:|lmdb:[^~].*|rediss?(\+(sentinel|cluster))?:\/\/.+)$/)
    .meta({ examples: ['memory:', 'lmdb:./data/keypackages', 'redis://localhost'] })
    .default('lmdb:./data/keypackages')
    .describe('Where key packages are stored'),
  redis: redisOptionsSchema.prefault({}),
  listen: listenSchema(7447)
    .default('127.0.0.1:7447')
    .describe('Address and port to listen on; a port alone is on 127.0.0.1, and port 0 picks a free one'),
  workers: z
    .union([z.literal('auto'), z.number().int().min(1).max(64)])
    .default(1)
    .describe(
      'How many processes serve clients on the same port; auto: as many as the machine has processors',
    ),
  upstream: upstreamSchema,
  proxy: proxyOptionsSchema.prefault({}),
  server: serverOptionsSchema.prefault({}),
  admin: adminOptionsSchema(listenSchema(9447)).prefault({}),
  metrics: metricsOptionsSchema.prefault({}),
  http: httpOptionsSchema.prefault({}),
  audit: auditOptionsSchema.prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('Minimum log level'),
    })
    .prefault({}),
})

export type Settings = z.output<typeof settingsSchema>

/** The settings that are options of the gateway. */
export function gatewayOptions(settings: Settings): Options {
  const own = Object.keys(optionsSchema.shape)
  return Object.fromEntries(
    Object.entries(settings).filter(([key]) => own.includes(key)),
  ) as unknown as Options
}

/** How many processes serve clients. */
export function workersOf({ workers }: Pick<Settings, 'workers'>): number {
  return workers === 'auto' ? availableParallelism() : workers
}

/** Splits a `listen` setting, in which an IPv6 address is in brackets. */
export function hostAndPort(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  const host = colon === -1 ? HOST : address.slice(0, colon).replace(/^\[|\]$/g, '')
  return { host, port: Number(address.slice(colon + 1)) }
}
