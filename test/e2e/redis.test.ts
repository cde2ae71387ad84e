/** Two `serve` processes on one Redis: each is notified of what happens on the other. */

import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { scratch } from '../support/scratch.ts'
import { alice, bob, EACH_ANEW, newEvent, packagesOf, Scene } from './behaviour/scene.ts'
import { type ServeProcess, startServe } from './serve-process.ts'

let redis: RedisServer
let directory: string
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis?.stop())
beforeEach(() => {
  directory = scratch()
})

const scene = new Scene<ServeProcess>((options) =>
  startServe(directory, { ...EACH_ANEW, ...options, store: redis.url }),
)

it('notifies an owner on one process of what is published and claimed through the other', async () => {
  const [here, there] = [await scene.start(), await scene.start()]
  await scene.publish(there, alice, 4)
  const owner = await scene.connect(here, alice)
  await owner.request('own', packagesOf(alice))

  const client = await scene.connect(there)
  const event = await newEvent(there, alice)
  expect(await client.publish(event)).toEqual([true, ''])
  expect((await owner.until('EVENT', 'own')).at(-1)).toEqual(['EVENT', 'own', event])

  for (const turn of ['1', '2', '3']) await client.request(turn, packagesOf(alice))
  expect((await owner.until('REQ')).at(-1)).toEqual(['REQ', 'keypackages:low', packagesOf(alice)])
})

it('asks every device of an author for more, on any process, and tells all of them once there are enough', async () => {
  const [here, there] = [await scene.start(), await scene.start()]
  await scene.publish(there, bob, 3)
  const devices = [await scene.connect(here, bob), await scene.connect(there, bob)]
  const client = await scene.connect(there)
  await client.request('claim', packagesOf(bob))
  for (const device of devices) {
    expect((await device.until('REQ')).at(-1)).toEqual(['REQ', 'keypackages:low', packagesOf(bob)])
  }
  await client.publish(await newEvent(there, bob))
  for (const device of devices) {
    expect((await device.until('CLOSED')).at(-1)?.slice(0, 2)).toEqual(['CLOSED', 'keypackages:low'])
  }
})
