/** What the primary process counts for workers, and what they tell each other, over IPC within this process. */

import { expect, it } from '@jest/globals'
import { Ipc } from '../../../../adapters/cli/workers/ipc.ts'
import { otherWorkers } from '../../../../adapters/cli/workers/other-workers.ts'
import { SharedLimits } from '../../../../adapters/cli/workers/shared-limits.ts'
import type {
  Admission,
  Place,
  ServerSiblings,
} from '../../../../adapters/relays/server/connection-limits.ts'
import { eventually } from '../../../support/eventually.ts'

interface Ends {
  readonly primary: Ipc
  readonly worker: Ipc
  /** Until then nothing that the primary sends is read. */
  read(): void
}

/** Both ends of a channel that carries JSON, as that of node:cluster does. */
function channel(isRead: boolean): Ends {
  const listeners: ((message: unknown) => void)[] = []
  const unread: (() => void)[] = []
  let reads = isRead
  const end = (own: number, other: number): Ipc =>
    new Ipc({
      hear: (listener) => {
        listeners[own] = listener
      },
      send: (message, done) => {
        const text = JSON.stringify(message)
        const deliver = () => {
          listeners[other]?.(JSON.parse(text))
          done()
        }
        if (own === 0 && !reads) unread.push(deliver)
        else setImmediate(deliver)
        return unread.length === 0
      },
    })
  return {
    primary: end(0, 1),
    worker: end(1, 0),
    read: () => {
      reads = true
      for (const deliver of unread.splice(0)) deliver()
    },
  }
}

function twoWorkers() {
  const limits = new SharedLimits()
  const ends = [channel(true), channel(true)]
  const giveBack = ends.map(({ primary }) => limits.serve(primary))
  for (const { primary } of ends)
    primary.onStatement('news', (news) => {
      for (const other of ends) if (other.primary !== primary) other.primary.tellIfRead('news', news)
    })
  const [here, there] = ends.map(({ worker }) => otherWorkers(worker))
  if (here === undefined || there === undefined) throw new Error('there are two')
  return { here, there, giveBack }
}

async function admit(worker: ServerSiblings, address: string, name = 'HTTP'): Promise<Admission> {
  return worker.places(name, { maxConnections: 0, maxConnectionsPerAddress: 2 }).admit(address)
}

function placeOf(admission: Admission): Place {
  if (admission.outcome === 'refused') throw new Error('refused')
  return admission.place
}

it('count the places of an address together, each name by itself, and those of a worker that is gone no more', async () => {
  const { here, there, giveBack } = twoWorkers()
  const first = placeOf(await admit(here, '203.0.113.1'))
  placeOf(await admit(there, '203.0.113.1'))
  expect(await admit(here, '203.0.113.1')).toEqual({ outcome: 'refused', status: 429 })
  expect((await admit(here, '203.0.113.1', 'REST')).outcome).toBe('admitted')
  expect((await admit(here, '203.0.113.2')).outcome).toBe('admitted')
  first.release()
  first.release()
  placeOf(await admit(there, '203.0.113.1'))
  expect((await admit(here, '203.0.113.1')).outcome).toBe('refused')
  giveBack[1]?.()
  placeOf(await admit(here, '203.0.113.1'))
  placeOf(await admit(here, '203.0.113.1'))
  expect((await admit(here, '203.0.113.1')).outcome).toBe('refused')
})

it('count a quota together', async () => {
  const { here, there } = twoWorkers()
  const quota = { max: 600, windowSeconds: 60 }
  const [mine, theirs] = [here.quota('signed requests', quota), there.quota('signed requests', quota)]
  const taken = await Promise.all(
    Array.from({ length: 602 }, (_, index) => (index % 2 === 0 ? mine : theirs).take('203.0.113.1', 1000)),
  )
  expect(taken.filter(Boolean)).toHaveLength(600)
  expect(await mine.take('203.0.113.2', 1000)).toBe(true)
  expect(await theirs.take('203.0.113.1', 1061)).toBe(true)
})

it('hear each other in order, and never themselves', async () => {
  const { here, there } = twoWorkers()
  const heard: unknown[] = []
  const [mine, theirs] = [here.channel<number>('numbers'), there.channel<number>('numbers')]
  mine.hear((number) => heard.push(['here', number]))
  theirs.hear((number) => heard.push(['there', number]))
  for (const number of [1, 2, 3]) mine.tell(number)
  await eventually('all is heard', () => heard.length >= 3)
  theirs.tell(4)
  await eventually('all is heard', () => heard.length >= 4)
  expect(heard).toEqual([
    ['there', 1],
    ['there', 2],
    ['there', 3],
    ['here', 4],
  ])
})

it('lose news while they do not read, so that what waits for them stays bounded (I9)', () => {
  const { primary, worker, read } = channel(false)
  const heard: number[] = []
  worker.onStatement('news', (news) => heard.push(news.length))
  for (let number = 0; number < 1000; number += 1) primary.tellIfRead('news', [])
  read()
  expect(heard).toEqual([0])
  primary.tellIfRead('news', [{ channel: 'a', news: 1 }])
  return eventually('they are told again', () => heard.length === 2)
})
