/** What a server is told about itself and the clients it takes: every setting, its default and bounds. */

import { z } from 'zod'

const whole = (least: number, most: number) => z.number().int().min(least).max(most)

/** The `server` settings. */
export const serverOptionsSchema = z.strictObject({
  name: z.string().default('keypackage-gateway').describe('The name in the NIP-11 document'),
  description: z
    .string()
    .default('Hands each MLS key package to one requester.')
    .describe('The description in the NIP-11 document'),
  contact: z.string().optional().describe("The operator's address in the NIP-11 document"),
  icon: z
    .url({ protocol: /^https?$/ })
    .meta({ examples: ['https://relay.example.com/icon.png'] })
    .optional()
    .describe('The address of a picture, for the NIP-11 document'),
  maxMessageBytes: whole(1024, 8_388_608).default(524_288).describe('Largest message of a client'),
  maxConnections: whole(1, 1_000_000).default(1000).describe('Most clients at one time'),
  maxConnectionsPerAddress: whole(0, 1_000_000)
    .default(100)
    .describe('Most clients from one address (IPv6: one /64) at one time; 0 is no limit'),
  maxSubscriptions: whole(1, 10_000).default(32).describe('Most subscriptions of one client'),
  maxPendingMessages: whole(1, 10_000)
    .default(64)
    .describe('How many messages of one client may wait for their answer before no more are read'),
  maxBufferedBytes: whole(65_536, 1_073_741_824)
    .default(4_194_304)
    .describe(
      "How much may wait for a client that reads slowly, and of owners' lists for all clients of one address together",
    ),
  pingIntervalSeconds: whole(1, 3600)
    .default(30)
    .describe('How often clients are pinged; one that gives no sign of life until the next ping is cut off'),
  idleSeconds: whole(0, 604_800)
    .default(0)
    .describe('How long a client may say nothing before it is cut off; 0 is for ever'),
  drainSeconds: whole(0, 300).default(10).describe('How long a stopping server waits for what is under way'),
})

export type ServerOptions = z.output<typeof serverOptionsSchema>
