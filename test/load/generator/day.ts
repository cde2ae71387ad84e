/** A day of many people: how many there are, what they do and how often, and how it begins. */

import type { RecordableHistogram } from 'node:perf_hooks'
import { hoard, invite, membersOnAverage, reconnect, startWithContacts } from './acts/asking.ts'
import { browse, readNotes, writeNote } from './acts/browsing.ts'
import { deleteOne, publishAgain, publishOne, publishRelayList, settleIn } from './acts/publishing.ts'
import type { Act, World } from './acts/world.ts'
import { arrivalsOf, keepTo } from './arrivals.ts'
import type { LoadOptions } from './options.ts'
import type { Crowd } from './people.ts'

const ACTS = {
  invite,
  hoard,
  reconnect,
  startWithContacts,
  browse,
  readNotes,
  writeNote,
  publishOne,
  publishAgain,
  deleteOne,
  publishRelayList,
} satisfies Record<string, Act>

/** Claims of one author in the whole run, and key packages that one publishes, so that hourly quotas are seldom in the way. */
const CLAIMS_OF_ONE = 30
const PUBLISHED_BY_ONE = 25
/** Authors whom one person asks for; a quota allows 500 an hour. */
const ASKED_BY_ONE = 150
const FEWEST = 200
const MOST_AUTHORS = 4000
/** Who settles in at the same time. */
const TOGETHER = 16
/** How long the last answers may take after the last arrival. */
const LAST_ANSWERS_MS = 20_000

/** @param windowSeconds after which quotas are free again */
export function crowdOf({ claims, publishes, seconds, authors }: LoadOptions, windowSeconds: number): Crowd {
  const counted = Math.min(seconds, windowSeconds)
  const needed = Math.max((claims * counted) / CLAIMS_OF_ONE, (publishes * counted) / PUBLISHED_BY_ONE)
  return {
    authors: authors ?? Math.min(MOST_AUTHORS, Math.max(FEWEST, Math.ceil(needed))),
    inviters: Math.max(FEWEST, Math.ceil((claims * counted) / ASKED_BY_ONE)),
  }
}

/** How often a second each act begins. */
function ratesOf({ claims, publishes }: LoadOptions, world: World): Record<keyof typeof ACTS, number> {
  const clients = world.people.inviters.map(({ client }) => client)
  const notes = world.relay === 'behind' ? claims / 10 : 0
  return {
    invite: claims / membersOnAverage(clients, world.fraction),
    hoard: claims / 50,
    reconnect: claims / 60,
    startWithContacts: claims / 300,
    browse: claims / 15,
    readNotes: notes,
    writeNote: notes,
    publishOne: publishes,
    publishAgain: publishes / 20,
    deleteOne: publishes / 25,
    publishRelayList: publishes / 10,
  }
}

/** Everybody publishes what a client publishes at its first start, and the packages of the day are made. */
export async function morning(world: World, reserve: number): Promise<void> {
  const { people } = world
  const waiting = [...people.authors]
  const settleSome = async () => {
    for (let author = waiting.pop(); author !== undefined; author = waiting.pop())
      await settleIn(world, author)
  }
  await Promise.all(Array.from({ length: TOGETHER }, settleSome))
  for (const device of people.devices) await device.connect()
  const each = Math.ceil(reserve / people.authors.length)
  for (const author of people.authors) await author.prepare(each)
}

/** @returns how late acts began, in microseconds */
export async function playDay(world: World, options: LoadOptions): Promise<RecordableHistogram> {
  const arrivals = arrivalsOf(ratesOf(options, world), options.seconds, world.fraction)
  const going = new Set<Promise<void>>()
  const failures: unknown[] = []
  const lateness = await keepTo(arrivals, (name, dueAt) => {
    const act = ACTS[name](world, dueAt)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => going.delete(act))
    going.add(act)
  })
  await Promise.race([Promise.all(going), patience()])
  if (going.size > 0) world.meters.failed(`${going.size} acts`, 'not answered in the end')
  const [failure] = failures
  if (failure !== undefined) throw failure
  return lateness
}

function patience(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LAST_ANSWERS_MS).unref())
}
