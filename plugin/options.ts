/** Every option of the gateway: its meaning, default, bounds and profile. */

import { z } from 'zod'
import type { OptionsInput } from './options-input.ts'
import { parseSettings } from './settings.ts'

const seconds = (least: number, most: number) => z.number().int().min(least).max(most)
const YEAR_SECONDS = 31_536_000

/** Changes defaults so that clients of one generation need no setting up; what is set stays as set. */
const profileDefaults = {
  'nip-ee-relay': {},
  marmot: {
    kinds: [443, 30443],
    delivery: { encoding: 'as-published' },
    claim: { redeliverySeconds: 60 },
  },
} as const

const quota = (max: number, most: number, what: string) =>
  z
    .strictObject({
      max: z.number().int().min(1).max(most).default(max).describe(`Most ${what} in one window`),
      windowSeconds: seconds(1, 30 * 86_400)
        .default(3600)
        .describe('Length of the sliding window'),
    })
    .prefault({})

/** The shape of the options, for those who build a command line or a document from it. */
export const optionsSchema = z.strictObject({
  profile: z
    .enum(['nip-ee-relay', 'marmot'])
    .default('nip-ee-relay')
    .describe('Defaults for the clients of one specification'),
  kinds: z
    .array(z.union([z.literal(443), z.literal(30443)]))
    .min(1)
    .default([443])
    .describe('The key package kinds that the gateway takes over'),
  custody: z
    .enum(['gateway', 'relay'])
    .default('gateway')
    .describe('Who keeps a key package event: the gateway alone, or the relay too'),
  publicUrl: z
    .url({ protocol: /^wss?$/ })
    .optional()
    .describe(
      "The relay's address as clients know it, for NIP-42 and NIP-62; without it only the IP address it is reached at, or localhost, counts",
    ),
  requester: z
    .enum(['auth-or-address', 'auth'])
    .default('auth-or-address')
    .describe('Whether clients must authenticate (NIP-42) before they ask for key packages'),
  claim: z
    .strictObject({
      perAuthor: z
        .number()
        .int()
        .min(1)
        .max(2)
        .default(1)
        .describe('Most packages of one author in one claim'),
      maxAuthors: z.number().int().min(1).max(5000).default(500).describe('Most authors in one REQ'),
      redeliverySeconds: seconds(0, 86_400)
        .default(0)
        .describe('How long the same requester gets the same packages again; 0 is never'),
    })
    .prefault({}),
  quota: z
    .strictObject({
      perAuthor: quota(10, 10_000, 'claims of one author by one requester'),
      perAddress: quota(100, 100_000, 'claims of one author from one address'),
      perRequester: quota(500, 1_000_000, 'claims by one requester over all authors'),
      publish: quota(60, 100_000, 'key packages of one author that come into the stock'),
      publishPerAddress: quota(
        300,
        1_000_000,
        'key packages sent from one address by others than their authenticated author',
      ),
    })
    .prefault({}),
  stock: z
    .strictObject({
      max: z.number().int().min(1).max(1000).default(10).describe('Most packages kept for one author'),
      overflow: z
        .enum(['reject', 'evict-oldest'])
        .default('reject')
        .describe('What happens to one package too many'),
      low: z.number().int().min(0).max(1000).default(3).describe('Below this an author is asked for more'),
      ttlSeconds: seconds(60, 5 * YEAR_SECONDS)
        .default(7_776_000)
        .describe('Longest life of a package after its created_at'),
      retireAfterSeconds: seconds(0, YEAR_SECONDS)
        .default(600)
        .describe('How long an exposed package stays once two fresh ones stand beside it'),
    })
    .prefault({}),
  validation: z
    .strictObject({
      mls: z
        .enum(['verify', 'decode', 'off'])
        .default('verify')
        .describe('Whether key packages are decoded and their MLS signatures verified'),
      requireLastResort: z
        .boolean()
        .default(true)
        .describe('Whether a kind 443 event must announce the last_resort extension'),
      ciphersuites: z
        .array(z.number().int().min(1).max(7))
        .min(1)
        .default([1])
        .describe('The MLS ciphersuites that are taken in (RFC 9420 section 17.1)'),
      maxBytes: z.number().int().min(256).max(1_048_576).default(65_536).describe('Largest key package'),
    })
    .prefault({}),
  delivery: z
    .strictObject({
      encoding: z
        .enum(['hex', 'base64', 'as-published'])
        .default('hex')
        .describe('How content is written where a filter has no #f'),
    })
    .prefault({}),
  replenish: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether authors are asked for more packages'),
      intervalSeconds: seconds(1, 86_400).default(300).describe('Shortest time between two such requests'),
    })
    .prefault({}),
  sweepIntervalSeconds: seconds(1, 86_400)
    .default(3600)
    .describe('How often expired packages and old bookkeeping are removed'),
})

export type { OptionsInput }

/** What is in force: every option has its value, but for `publicUrl`, which has no default. */
export type Options = Complete<Omit<OptionsInput, 'publicUrl'>> & Pick<OptionsInput, 'publicUrl'>

type Complete<Value> = Value extends readonly unknown[] | string | number | boolean
  ? Value
  : { readonly [Key in keyof Value]-?: Complete<NonNullable<Value[Key]>> }

/**
 * Fills in the defaults of the profile.
 * @throws SettingsError naming path, value and what is allowed, for each key that is wrong or unknown
 */
export function resolveOptions(input: OptionsInput): Options {
  return parseSettings(optionsSchema, withProfileDefaults(input))
}

/** What was written, on top of what its profile changes. */
export function withProfileDefaults<Input extends OptionsInput>(input: Input): Input {
  const changed = profileDefaults[input.profile ?? 'nip-ee-relay'] ?? {}
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
