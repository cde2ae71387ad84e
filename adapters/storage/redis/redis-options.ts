/** The `redis` settings: what an address does not say about how Redis and its Sentinels are reached. */

import { z } from 'zod'
import type { RedisAccess } from './clients.ts'

const file = (what: string) => z.string().min(1).optional().describe(`File (PEM) with ${what}`)

/** An address as Redis reports it, and the one at which it is reached from here. */
const MAPPING = /^([^\s=]+:\d{1,5})=(.+):(\d{1,5})$/

export const redisOptionsSchema = z.strictObject({
  wait: z
    .union([z.literal('auto'), z.number().int().min(0).max(10)])
    .default('auto')
    .describe(
      'How many Redis replicas must have received a change before it is acknowledged; auto: one, with Sentinel or a cluster that has replicas',
    ),
  tls: z
    .strictObject({
      ca: file(
        'the CAs that certificates of Redis and Sentinels are checked with, in place of the public ones',
      ),
      cert: file('the client certificate, where Redis requires one'),
      key: file('the private key of the client certificate'),
      servername: z
        .string()
        .min(1)
        .optional()
        .describe('Host name in the certificate of Redis, where it is not the one that Redis is reached by'),
    })
    .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
      path: ['key'],
      params: { expected: 'redis.tls.cert and redis.tls.key together, or neither' },
    })
    .prefault({}),
  sentinel: z
    .strictObject({
      username: z
        .string()
        .min(1)
        .optional()
        .describe('User of the Sentinels; that of Redis is in the address'),
      password: z
        .string()
        .min(1)
        .optional()
        .describe('Password of the Sentinels; that of Redis is in the address'),
      tls: z
        .enum(['auto', 'on', 'off'])
        .default('auto')
        .describe('Whether the Sentinels use TLS; auto: if Redis does (rediss+sentinel://)'),
    })
    .prefault({}),
  natMap: z
    .array(
      z
        .string()
        .regex(MAPPING)
        .meta({ examples: ['10.0.0.5:6379=redis-1.example.com:6379'] }),
    )
    .default([])
    .describe('Where addresses that a cluster or Sentinel reports are reached from here'),
})

export type RedisOptions = z.output<typeof redisOptionsSchema>

/** @param read reads a file as text */
export function accessOf(
  { tls, sentinel, natMap }: RedisOptions,
  read: (file: string) => string,
): RedisAccess {
  const { servername, ...files } = tls
  const texts = Object.entries(files).flatMap(([name, path]) =>
    path === undefined ? [] : [[name, read(path)]],
  )
  return {
    tls: { ...Object.fromEntries(texts), ...(servername !== undefined && { servername }) },
    sentinel,
    natMap: Object.fromEntries(
      natMap.map((text) => {
        const [, reported = '', host = '', port] = MAPPING.exec(text) ?? []
        return [reported, { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }]
      }),
    ),
  }
}
