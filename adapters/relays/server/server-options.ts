/** The `server`, `proxy` and `upstream` settings: every option, its default and its bounds. */

import { z } from 'zod'
import { isPubkey, readSubject } from '../../../plugin/access/subjects.ts'
import { readNetwork } from '../../../plugin/network-address.ts'
import { ADDRESS_HEADERS } from './forwarded-for.ts'

/** The bounds of the length of a message, also where a relay behind says its own (I9). */
export const MESSAGE_BYTES = { least: 1024, most: 8_388_608 }

const integer = (min: number, max: number) => z.number().int().min(min).max(max)

const webUrl = (path: string) =>
  z
    .url({ protocol: /^https?$/ })
    .meta({ examples: [`https://relay.example.com/${path}`] })
    .optional()

/** The `server` settings: what it says about itself, and what clients may do. */
export const serverOptionsSchema = z.strictObject({
  name: z.string().default('keypackage-gateway').describe('Name in the NIP-11 document'),
  description: z
    .string()
    .default('Hands each MLS key package to one requester.')
    .describe('Description in the NIP-11 document'),
  contact: z.string().optional().describe("Operator's contact address in the NIP-11 document"),
  pubkey: z
    .string()
    .refine((text) => isPubkey(readSubject(text) ?? ''))
    .meta({ examples: ['npub1...'] })
    .optional()
    .describe("Operator's pubkey (hex or npub), for messages to them, in the NIP-11 document"),
  icon: webUrl('icon.png').describe('URL of an icon, for the NIP-11 document'),
  banner: webUrl('banner.png').describe('URL of a large image, for the NIP-11 document'),
  termsOfService: webUrl('terms').describe('URL of the terms of service, for the NIP-11 document'),
  maxMessageBytes: integer(MESSAGE_BYTES.least, MESSAGE_BYTES.most)
    .optional()
    .describe(
      'Maximum size of a message from a client; by default what the relay behind says of itself (NIP-11), else 524288',
    ),
  maxConnections: integer(0, 1_000_000)
    .optional()
    .describe(
      'Maximum number of connected clients; 0 is no limit; by default 1000, and no limit in front of a relay',
    ),
  maxConnectionsPerAddress: integer(0, 1_000_000)
    .optional()
    .describe(
      'Maximum number of connected clients from one address (IPv6: one /64), and of its other HTTP connections; 0 is no limit; by default 100, and no limit in front of a relay',
    ),
  maxSubscriptions: integer(1, 10_000)
    .optional()
    .describe(
      'Maximum number of open subscriptions of one client; by default 32, and in front of a relay only its own limit',
    ),
  maxPendingMessages: integer(1, 10_000)
    .default(64)
    .describe('Maximum number of unanswered messages of one client; no more are read until one is answered'),
  maxBadSignaturesPerMinute: integer(0, 1_000_000)
    .default(60)
    .describe(
      'Maximum number of wrong signatures in a minute, of all clients of one address if that is known to be their own; a client that exceeds it is disconnected, and its address kept out for 10 minutes; 0 is no limit',
    ),
  maxBufferedBytes: integer(65_536, 1_073_741_824)
    .default(4_194_304)
    .describe(
      'How much is buffered for a client that reads slowly, and of answers for all clients of one address together',
    ),
  pingIntervalSeconds: integer(1, 3600)
    .default(30)
    .describe('How often clients are pinged; one that has not answered by the next ping is disconnected'),
  idleSeconds: integer(0, 604_800)
    .default(0)
    .describe('How long a client may send nothing before it is disconnected; 0 is no limit'),
  drainSeconds: integer(0, 300)
    .default(10)
    .describe('How long a stopping server waits for requests in progress'),
})

export type ServerOptions = z.output<typeof serverOptionsSchema>

const addressRange = z
  .string()
  .refine((range) => readNetwork(range) !== undefined)
  .meta({ examples: ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'] })

/** The `upstream` setting. */
export const upstreamSchema = z
  .url({ protocol: /^wss?$/ })
  .meta({ examples: ['ws://127.0.0.1:7777', 'wss://relay.example.com'] })
  .optional()
  .describe(
    'The relay behind the gateway; without one, the gateway serves key packages and relay lists alone',
  )

/** The `proxy` settings; `trust` and `compression` count without an upstream relay as well. */
export const proxyOptionsSchema = z.strictObject({
  trust: z
    .array(addressRange)
    .default([])
    .describe('Reverse proxies in front of this server, which are believed when they name their client'),
  addressHeader: z
    .enum(ADDRESS_HEADERS)
    .optional()
    .describe(
      'The header in which they name it, so that no other is read: one that they pass on may be written by the client; by default the first of these that a request has',
    ),
  publish: z
    .enum(['here', 'upstream'])
    .default('here')
    .describe(
      "Who accepts published key packages: this server, or the gateway's plugin in the upstream relay",
    ),
  compression: z
    .boolean()
    .default(false)
    .describe('Whether to offer clients permessage-deflate: less traffic, more CPU and memory'),
})

export type ProxyOptions = z.output<typeof proxyOptionsSchema>
