/** The `admin` and `http` settings: who administers the server and where, and under which path its pages are. */

import { z } from 'zod'
import { isPubkey, readSubject } from '../../plugin/access/subjects.ts'
import type { Pubkey } from '../../plugin/nostr/messages.ts'

const pubkey = z
  .string()
  .refine((text) => isPubkey(readSubject(text) ?? ''))
  .meta({ examples: ['npub1...'] })

/** Where the operator's listener is by default. */
export const DEFAULT_OPERATOR_ADDRESS = '127.0.0.1:9447'

/** The `admin` settings. `listen` is the address schema of the other `listen` setting. */
export const adminOptionsSchema = (listen: z.ZodType<string>) =>
  z.strictObject({
    listen: z
      .union([z.literal('none'), listen])
      .default(DEFAULT_OPERATOR_ADDRESS)
      .describe(
        "Address and port of the operator's listener: metrics, health and the operator's page; none for no such listener",
      ),
    pubkeys: z
      .array(pubkey)
      .default([])
      .describe('Pubkeys (hex or npub) that may administer this server (NIP-86)'),
    hosts: z
      .array(
        z
          .string()
          .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/)
          .meta({ examples: ['gateway.internal'] }),
      )
      .default([])
      .describe(
        "Host names by which the operator's listener may be addressed, besides localhost and IP addresses",
      ),
  })

type AdminOptions = z.output<ReturnType<typeof adminOptionsSchema>>

/** Who administers the server, in hex. */
export function adminPubkeys({ pubkeys }: Pick<AdminOptions, 'pubkeys'>): ReadonlySet<Pubkey> {
  return new Set(pubkeys.flatMap((text) => readSubject(text) ?? []))
}

/** The `metrics` settings. */
export const metricsOptionsSchema = z.strictObject({
  textfile: z
    .string()
    .regex(/^(.*\/)?[^/]+\.prom$/)
    .meta({ examples: ['/var/lib/node_exporter/keypackages.prom'] })
    .optional()
    .describe(
      "File for node_exporter's textfile collector, to which metrics are written every 15 seconds and at the end; each process needs its own",
    ),
})

/** The `http` settings. */
export const httpOptionsSchema = z.strictObject({
  path: z
    .string()
    .regex(/^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)+$/)
    .meta({ examples: ['/keypackages'] })
    .default('/keypackages')
    .describe(
      'Where the page and the REST interface are if a relay is behind the gateway, which answers on all other paths',
    ),
})
