/** What requests and answers look like: checked on every request, and published as the OpenAPI document. */

import { z } from 'zod'
import { REFUSAL_PREFIXES } from '../../../plugin/nostr/refusal.ts'

const integer = z.number().int()
const seconds = integer.min(0).describe('Seconds since the epoch')
const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`), `must be ${bytes * 2} lower-case hex characters`)

const pubkeySchema = hex(32).describe('A public key: 64 lower-case hex characters (NIP-01)')
const eventIdSchema = hex(32).describe('An event id: 64 lower-case hex characters (NIP-01)')
const KINDS = '443: one-time packages. 30443: slots'
const kindSchema = z.union([z.literal(443), z.literal(30443)]).describe(KINDS)

const eventSchema = z
  .object({
    id: eventIdSchema,
    pubkey: pubkeySchema,
    created_at: integer.describe('Seconds since the epoch'),
    kind: integer.min(0).max(65_535),
    tags: z.array(z.array(z.string())),
    content: z.string(),
    sig: hex(64),
  })
  .meta({ id: 'Event', description: 'A signed event (NIP-01)' })

/** Each is checked by itself, so that one that is malformed does not refuse the others. */
const uncheckedEvent = z.unknown().meta({ $ref: '#/components/schemas/Event' })

export const problemSchema = z
  .object({
    type: z.literal('about:blank'),
    title: z.string().describe('The phrase of the status'),
    status: integer.min(400).max(599),
    detail: z.string().describe('`<prefix>: <sentence>`, as in an OK or a CLOSED (NIP-01)'),
    prefix: z.enum(REFUSAL_PREFIXES).describe('The machine-readable prefix of `detail`'),
  })
  .meta({ id: 'Problem', description: 'Why a request is refused (RFC 9457)' })

export const publicationSchema = z
  .object({
    id: eventIdSchema.nullable().describe('The id of the event; null if it has none'),
    accepted: z.boolean(),
    message: z.string().describe('The text of the OK message (NIP-01): empty, or it begins with a prefix'),
  })
  .meta({ id: 'Publication' })

export const publishBodySchema = z.strictObject({
  events: z.array(uncheckedEvent).min(1).max(500).describe('Key packages (kinds 443 and 30443)'),
})
export const publishedSchema = z.object({
  results: z.array(publicationSchema).describe('One for each event, in the order of the request'),
})

export const claimBodySchema = z.strictObject({
  authors: z.array(pubkeySchema).min(1).max(5000),
  kinds: z.array(kindSchema).min(1).max(2).optional().describe('By default all that this gateway serves'),
  limit: integer
    .min(1)
    .max(1000)
    .optional()
    .describe(
      'Maximum slots of each author, newest first; of one-time packages, the gateway delivers one or two',
    ),
  encoding: z
    .enum(['hex', 'base64'])
    .optional()
    .describe('How the content of kind 443 is written; what is re-encoded no longer matches its signature'),
})

const author = pubkeySchema
const claimResultSchema = z
  .discriminatedUnion('outcome', [
    z.object({ author, outcome: z.literal('delivered'), events: z.array(eventSchema).min(1) }),
    z.object({ author, outcome: z.literal('none') }).describe('There is no matching key package'),
    z
      .object({
        author,
        outcome: z.literal('limited'),
        retryAfterSeconds: integer.describe('After how many seconds there is room in the quota'),
      })
      .describe('A quota is used up'),
    z.object({ author, outcome: z.literal('unavailable') }).describe('The store did not answer; try again'),
  ])
  .meta({ id: 'ClaimResult' })

export const claimedSchema = z.object({
  results: z.array(claimResultSchema).describe('One for each author, in the order of the request'),
  notices: z
    .array(z.string())
    .describe('The texts of the NOTICEs, such as which authors have relay lists that name other relays'),
})

const ownPackageSchema = z
  .object({
    id: eventIdSchema,
    ref: hex(32).describe('The KeyPackageRef (RFC 9420 section 5.2)'),
    kind: integer.describe(KINDS),
    state: z
      .enum(['fresh', 'exposed', 'reusable'])
      .describe(
        'fresh: nobody has got it. exposed: the shared package, which was delivered and stays. reusable: a slot, or its alias of kind 443; whether these were delivered is not kept',
      ),
    delivered: integer.min(0).optional().describe('How often it was delivered; absent if reusable'),
    exposedSince: seconds.optional(),
    slot: z.string().optional().describe('The `d` tag of kind 30443'),
    alias: z
      .literal(true)
      .optional()
      .describe('A kind 443 event whose KeyPackage is in a slot as well: it goes with the slot'),
    lastResort: z.boolean(),
    publishedAt: seconds,
    receivedAt: seconds.optional(),
    expiresAt: seconds,
  })
  .meta({ id: 'OwnPackage' })

export const ownPackagesSchema = z.object({
  packages: z.array(ownPackageSchema).describe('Newest first'),
  fresh: integer.min(0).describe('How many are fresh'),
  low: integer.min(0).describe('Below so many fresh ones the relay asks for more'),
  max: integer.min(1).describe('Maximum one-time packages, and likewise slots'),
})

export const ownEventSchema = z.object({ package: ownPackageSchema, event: eventSchema })

export const removedSchema = z
  .object({ removed: integer.min(0).describe('How many events have left the stock') })
  .meta({ id: 'Removed' })

export const countSchema = z.object({ count: integer.min(0) })
export const countQuerySchema = z.strictObject({
  kind: z.enum(['443', '30443']).optional().describe('By default all that this gateway serves'),
})

export const relayListBodySchema = z.strictObject({
  event: uncheckedEvent.describe('A relay list (kind 10002, 10050 or 10051)'),
})
export const relayListsSchema = z.object({ events: z.array(eventSchema).describe('The newest of each kind') })

export const informationSchema = z.looseObject({}).describe('The relay information document (NIP-11)')

export const authorParams = z.strictObject({ pubkey: pubkeySchema })
export const packageParams = z.strictObject({ id: eventIdSchema })
