/** Every setting of the command line: the gateway's options, and what a process needs beside them. */

import { z } from 'zod'
import { type Options, optionsSchema } from '../../plugin/options.ts'
import { auditOptionsSchema } from '../audit/options.ts'
import { proxyOptionsSchema, upstreamSchema } from '../relays/proxy-options.ts'
import { serverOptionsSchema } from '../relays/server-options.ts'

const ADDRESS = /^(\[[\da-fA-F:.]+\]|[^[\]:\s]+):\d{1,5}$/

const listenSchema = z
  .string()
  .refine((address) => ADDRESS.test(address) && hostAndPort(address).port <= 65_535)
  .meta({ examples: ['127.0.0.1:7447'] })

export const settingsSchema = optionsSchema.extend({
  store: z
    .string()
    .regex(/^(memory:|lmdb:.+|rediss?(\+(sentinel|cluster))?:\/\/.+)$/)
    .meta({ examples: ['memory:', 'lmdb:./data/keypackages', 'redis://localhost'] })
    .default('lmdb:./data/keypackages')
    .describe('Where key packages are kept'),
  redis: z
    .strictObject({
      wait: z
        .union([z.literal('auto'), z.number().int().min(0).max(10)])
        .default('auto')
        .describe(
          'How many replicas of a Redis store must have a change before it is acknowledged; `auto` is one where Sentinel or a cluster has one',
        ),
    })
    .prefault({}),
  listen: listenSchema
    .default('127.0.0.1:7447')
    .describe('The address and port to serve on; port 0 takes a free one'),
  upstream: upstreamSchema,
  proxy: proxyOptionsSchema.prefault({}),
  server: serverOptionsSchema.prefault({}),
  audit: auditOptionsSchema.prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('The least that is logged'),
    })
    .prefault({}),
})

export type Settings = z.output<typeof settingsSchema>

/** Those of the settings that are the gateway's own. */
export function gatewayOptions(settings: Settings): Options {
  const own = Object.keys(optionsSchema.shape)
  return Object.fromEntries(
    Object.entries(settings).filter(([key]) => own.includes(key)),
  ) as unknown as Options
}

/** The parts of a `listen` setting; an IPv6 address stands in brackets there. */
export function hostAndPort(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
  return { host, port: Number(address.slice(colon + 1)) }
}
