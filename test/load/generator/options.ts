/** The options of `npm run load`, and what they mean. */

import { parseArgs } from 'node:util'

const TOPOLOGIES = ['standalone', 'proxy', 'proxies', 'cluster'] as const
type Topology = (typeof TOPOLOGIES)[number]
const STORES = ['memory', 'lmdb', 'redis'] as const
type StoreKind = (typeof STORES)[number]

export interface LoadOptions {
  /** Servers that run already; without any, a topology is started. */
  readonly urls: readonly string[]
  readonly topology: Topology
  readonly store: StoreKind
  readonly seconds: number
  /** Authors asked for in a second, and key packages published. */
  readonly claims: number
  readonly publishes: number
  /** How many authors there are, where it does not follow from the rates. */
  readonly authors: number | undefined
  readonly seed: number
  readonly watch: 'nothing' | 'growth'
  readonly print: 'text' | 'json'
}

export const HELP = `npm run load [-- OPTIONS]

Plays a day of many people against a server, at arrival rates that do not depend on how fast it answers, and says how long
each operation took and whether the invariants I1 to I5 held on all that was seen.

  --topology NAME   what to start: standalone, proxy (default), proxies (two on one Redis), cluster (two on a Redis cluster)
  --store KIND      memory, lmdb or redis, for standalone (default lmdb) and proxy (default redis)
  --url URL         a server that runs already, which trusts X-Forwarded-For from here; may be repeated
  --minutes N       how long (default 1; with --short 0.3, with --soak 20, and 2 at least)
  --claims N        authors who are asked for in a second (default 300; with --soak 100)
  --publishes N     key packages that are published in a second (default 100; with --soak 30)
  --authors N       how many people publish (default: as many as the rates need)
  --seed N          people, packages, arrivals and choices follow from it (default: a random one, which is printed)
  --short           less than a minute in all; the last line says what held
  --soak            20 minutes with short lifetimes and windows, after which nothing may grow any more
  --json            the result as one JSON object
  --help            this text

It exits with 1 if an invariant was violated, and after --soak also if something grew.
`

const MOST_SEED = 1_000_000
const LEAST_SOAK_MINUTES = 2

/** @returns the text to print instead, where there is nothing to run */
export function readOptions(args: readonly string[]): LoadOptions | string {
  const { values } = parseArgs({
    args: [...args],
    options: {
      url: { type: 'string', multiple: true },
      topology: { type: 'string' },
      store: { type: 'string' },
      minutes: { type: 'string' },
      claims: { type: 'string' },
      publishes: { type: 'string' },
      authors: { type: 'string' },
      seed: { type: 'string' },
      short: { type: 'boolean', default: false },
      soak: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return HELP
  const { soak, short } = values
  const topology = oneOf(TOPOLOGIES, 'topology', values.topology ?? 'proxy')
  const store = oneOf(STORES, 'store', values.store ?? (topology === 'standalone' ? 'lmdb' : 'redis'))
  if (store !== 'redis' && (topology === 'proxies' || topology === 'cluster'))
    throw new Error(`--topology ${topology} is about Redis; leave out --store ${store}`)
  const minutes = positive('minutes', values.minutes)
  if (soak && minutes !== undefined && minutes < LEAST_SOAK_MINUTES)
    throw new Error(
      `--soak takes at least ${LEAST_SOAK_MINUTES} minutes: what is measured every five seconds would be too little`,
    )
  const usual = short ? 0.3 : 1
  return {
    urls: values.url ?? [],
    topology,
    store,
    seconds: 60 * (minutes ?? (soak ? 20 : usual)),
    claims: positive('claims', values.claims) ?? (soak ? 100 : 300),
    publishes: positive('publishes', values.publishes) ?? (soak ? 30 : 100),
    authors: positive('authors', values.authors),
    seed: positive('seed', values.seed) ?? 1 + Math.floor(Math.random() * MOST_SEED),
    watch: soak ? 'growth' : 'nothing',
    print: values.json ? 'json' : 'text',
  }
}

function oneOf<Name extends string>(names: readonly Name[], option: string, value: string): Name {
  const found = names.find((name) => name === value)
  if (found === undefined) throw new Error(`--${option} is ${names.join(', ')}; not ${value}`)
  return found
}

function positive(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!(value > 0)) throw new Error(`--${option} must be a number above 0; not ${text}`)
  return value
}
