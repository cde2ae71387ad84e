/** Every option of the gateway: its meaning, default, bounds and profile. */

import { z } from 'zod'
import type { OptionsInput } from './options-input.ts'
import { parseSettings } from './settings.ts'

const seconds = (min: number, max: number) => z.number().int().min(min).max(max)
const YEAR_SECONDS = 31_536_000

/** The defaults of each profile. Options that are set explicitly win. */
const profileDefaults = {
  mixed: {},
  'nip-ee-relay': {
    kinds: [443],
    relayLists: [10051],
    delivery: { encoding: 'hex' },
    claim: { redeliverySeconds: 0 },
    quota: { strangers: { max: 0 }, freshPerAddress: { max: 0 } },
    stock: { keep: 0 },
    validation: { requireLastResort: true },
  },
  marmot: {
    relayLists: [10002],
    validation: { tags: 'strict' },
  },
} as const

const windowSeconds = (defaultSeconds: number) =>
  seconds(1, 30 * 86_400)
    .default(defaultSeconds)
    .describe('Length of the sliding window in seconds')
/** What `readSubject` accepts, but for checksums and bounds, which are checked when the gateway starts (`subjectsIn`). */
const SUBJECT = /^([0-9a-f]{64}|npub1[0-9a-z]{58}|[0-9a-f.:]{2,45}(\/\d{1,3})?)$/i

const subjects = z
  .array(
    z
      .string()
      .regex(SUBJECT)
      .meta({ examples: ['npub1...', '203.0.113.0/24'] }),
  )
  .default([])

const quota = (defaultMax: number, highestMax: number, what: string) =>
  z
    .strictObject({
      max: z
        .number()
        .int()
        .min(1)
        .max(highestMax)
        .default(defaultMax)
        .describe(`Maximum ${what} in one window`),
      windowSeconds: windowSeconds(3600),
    })
    .prefault({})

const quotaOrNone = (defaultMax: number, defaultSeconds: number, what: string) =>
  z
    .strictObject({
      max: z
        .number()
        .int()
        .min(0)
        .max(1_000_000)
        .default(defaultMax)
        .describe(`Maximum ${what} in one window; 0: any number`),
      windowSeconds: windowSeconds(defaultSeconds),
    })
    .prefault({})

/** The schema of the options. The command line, the settings table and `OptionsInput` are made from it. */
export const optionsSchema = z.strictObject({
  profile: z
    .enum(['mixed', 'nip-ee-relay', 'marmot'])
    .default('mixed')
    .describe('Which clients the defaults are for: those of every generation, or those of one specification'),
  kinds: z
    .array(z.union([z.literal(443), z.literal(30443)]))
    .min(1)
    .default([443, 30443])
    .describe('The event kinds that the gateway handles as key packages'),
  relayLists: z
    .array(z.union([z.literal(10051), z.literal(10002)]))
    .min(1)
    .default([10051, 10002])
    .describe("The kinds of relay lists that say where an author's key packages are"),
  custody: z
    .enum(['gateway', 'relay'])
    .default('gateway')
    .describe('Who stores key package events: only the gateway, or the relay as well'),
  publicUrl: z
    .url({ protocol: /^wss?$/ })
    .optional()
    .describe(
      "The relay's public URL, for NIP-42 and NIP-62, and to deliver its own share of the packages first; without it only the IP address a client connected to, or localhost, is accepted",
    ),
  requester: z
    .enum(['auth-or-address', 'auth'])
    .default('auth-or-address')
    .describe('Whether clients must authenticate (NIP-42) to query key packages'),
  access: z
    .strictObject({
      mode: z
        .enum(['open', 'allow-listed'])
        .default('open')
        .describe(
          'Who may publish and claim key packages: all who are not banned, or only those in access.allow',
        ),
      ban: subjects.describe(
        'Pubkeys (hex or npub), addresses and networks that may not publish and claim; `ban` adds more at run time',
      ),
      allow: subjects.describe(
        'Pubkeys, addresses and networks that may, where access.mode is allow-listed; `allow` adds more at run time',
      ),
    })
    .prefault({}),
  claim: z
    .strictObject({
      perAuthor: z
        .number()
        .int()
        .min(1)
        .max(2)
        .default(1)
        .describe('Maximum one-time packages of one author in one claim'),
      maxAuthors: z.number().int().min(1).max(5000).default(500).describe('Maximum authors in one REQ'),
      redeliverySeconds: seconds(0, 86_400)
        .default(60)
        .describe('How many seconds a requester who asks again gets the same packages; 0 disables this'),
    })
    .prefault({}),
  quota: z
    .strictObject({
      perAuthor: quota(10, 10_000, 'claims of one author by one requester'),
      perAddress: quota(100, 100_000, 'claims of one author from one address'),
      perRequester: quota(500, 1_000_000, 'claims by one requester over all authors'),
      perAddressTotal: quota(1000, 1_000_000, 'claims from one address over all authors'),
      strangers: quotaOrNone(
        12,
        43_200,
        'fresh packages of one author that requesters the author does not know take, all together',
      ),
      freshPerAddress: quotaOrNone(
        1,
        86_400,
        'fresh packages of one author that requesters the author does not know take from one address',
      ),
      slotsPerRequester: quota(5000, 1_000_000, 'authors whose slots alone one requester queries'),
      slotsPerAddress: quota(20_000, 10_000_000, 'authors whose slots alone are queried from one address'),
      newAuthorsPerAddress: quota(
        30,
        1_000_000,
        'authors never heard of whose first key package, relay list or deletion comes from one address',
      ),
      publish: quota(60, 100_000, 'new key packages of one author'),
      publishPerAddress: quota(
        300,
        1_000_000,
        'key packages published from one address by senders not authenticated as the author',
      ),
    })
    .prefault({}),
  stock: z
    .strictObject({
      max: z
        .number()
        .int()
        .min(1)
        .max(1000)
        .default(10)
        .describe('Maximum one-time packages stored for one author, and likewise slots'),
      maxAuthors: z
        .number()
        .int()
        .min(0)
        .max(1_000_000_000)
        .default(0)
        .describe('Maximum authors in the store, beyond which new ones are refused; 0 for no maximum'),
      overflow: z
        .enum(['reject', 'evict-oldest'])
        .default('reject')
        .describe(
          'What happens when an author already has the maximum of one-time packages; of slots, the oldest makes room',
        ),
      keep: z
        .number()
        .int()
        .min(0)
        .max(999)
        .default(3)
        .describe('How many fresh packages of an author are only for requesters whom the author knows'),
      low: z
        .number()
        .int()
        .min(0)
        .max(1000)
        .default(5)
        .describe('Authors with fewer fresh packages than this are asked for more; must exceed keep'),
      ttlSeconds: seconds(60, 5 * YEAR_SECONDS)
        .default(7_776_000)
        .describe('Maximum age of a package, in seconds after its created_at'),
      retireAfterSeconds: seconds(0, YEAR_SECONDS)
        .default(600)
        .describe(
          'How many seconds after its exposure a package is removed, once two fresh ones have arrived since',
        ),
    })
    .superRefine(({ keep, low }, context) => {
      // Otherwise strangers get no fresh package, and nobody asks the author for more.
      if (keep === 0 || low > keep) return
      const params = { value: low, expected: `a number above stock.keep (${keep})` }
      context.addIssue({ code: 'custom', path: ['low'], params })
    })
    .prefault({}),
  validation: z
    .strictObject({
      mls: z
        .enum(['verify', 'decode', 'off'])
        .default('verify')
        .describe('Whether key packages are decoded, and their MLS signatures verified'),
      tags: z
        .enum(['lenient', 'strict'])
        .default('lenient')
        .describe(
          'Whether the spellings of all generations of clients are accepted, or kind 30443 must follow the Marmot specification to the letter',
        ),
      requireLastResort: z
        .boolean()
        .default(false)
        .describe('Whether a kind 443 event, or its key package, must say that it is a last resort'),
      ciphersuites: z
        .array(z.number().int().min(1).max(7))
        .min(1)
        .default([1])
        .describe('The accepted MLS ciphersuites (RFC 9420 section 17.1)'),
      maxBytes: z
        .number()
        .int()
        .min(256)
        .max(1_048_576)
        .default(65_536)
        .describe('Maximum size of a key package in bytes'),
    })
    .prefault({}),
  delivery: z
    .strictObject({
      encoding: z
        .enum(['hex', 'base64', 'as-published'])
        .default('as-published')
        .describe('Encoding of delivered content when the filter has no #f'),
    })
    .prefault({}),
  replenish: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe('Whether authors with few packages left are asked for more'),
      intervalSeconds: seconds(1, 86_400)
        .default(300)
        .describe('Minimum seconds between two such requests to one author'),
      rotateAfter: z
        .number()
        .int()
        .min(0)
        .max(10_000)
        .default(20)
        .describe(
          'Authors are asked to replace a slot that was claimed from this many addresses, at most once a day; 0 is never',
        ),
    })
    .prefault({}),
  sweepIntervalSeconds: seconds(1, 86_400)
    .default(3600)
    .describe('How many seconds pass between two removals of expired packages and other outdated data'),
})

export type { OptionsInput }

/** The options in effect: every option has a value, except `publicUrl`, which has no default. */
export type Options = Complete<Omit<OptionsInput, 'publicUrl'>> & Pick<OptionsInput, 'publicUrl'>

type Complete<Value> = Value extends readonly unknown[] | string | number | boolean
  ? Value
  : { readonly [Key in keyof Value]-?: Complete<NonNullable<Value[Key]>> }

/**
 * Fills in the defaults of the profile.
 * @throws SettingsError with the path, the value and the allowed values of each invalid or unknown option
 */
export function resolveOptions(input: OptionsInput): Options {
  return parseSettings(optionsSchema, withProfileDefaults(input))
}

/** The input, merged over the defaults of its profile. */
export function withProfileDefaults<Input extends OptionsInput>(input: Input): Input {
  const changed = profileDefaults[input.profile ?? 'mixed'] ?? {}
  return merge(changed, input) as Input
}

function merge(base: object, over: object): object {
  const merged = new Map<string, unknown>(Object.entries(base))
  for (const [key, value] of Object.entries(over)) {
    const below = merged.get(key)
    if (value === undefined) continue
    merged.set(key, isRecord(below) && isRecord(value) ? merge(below, value) : value)
  }
  return Object.fromEntries(merged)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
