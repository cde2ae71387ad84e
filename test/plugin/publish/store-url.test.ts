/** The store's URL: who sets it, who uses it, and what happens to the stored packages when it changes. */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import { rankOf } from '../../../plugin/publish/home.ts'
import { type KeyPackageStore, StoreError } from '../../../plugin/store.ts'
import { eventually } from '../../support/eventually.ts'
import { everyStore } from '../../support/every-store.ts'
import { keyPackagesOf } from '../../support/gateway.ts'
import { NOW } from '../../support/key-packages.ts'
import { testLog } from '../../support/log.ts'
import { person } from '../../support/people.ts'
import { verifyEvent } from '../../support/signing.ts'

const OLD = 'wss://old.example/'
const NEW = 'wss://new.example/'
const people = Array.from({ length: 45 }, (_, index) => person(`author ${index}`))
const [alice = person('alice')] = people

function gatewayOf(store: KeyPackageStore, options: OptionsInput = {}, clock = () => NOW * 1000) {
  const log = testLog()
  const gateway = new KeyPackageGateway({ ...options, store, log, clock, verifyEvent })
  return { gateway, log }
}

/** The ranks of an author's packages, by id. */
async function ranks(store: KeyPackageStore, author = alice): Promise<[string, string | undefined][]> {
  const listed = await store.list(author.pubkey, NOW)
  return listed
    .map(({ id, rank }): [string, string | undefined] => [id, rank])
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

function expected(events: Awaited<ReturnType<typeof keyPackagesOf>>, url: string): [string, string][] {
  return events
    .map((event): [string, string] => [event.id, rankOf(event, url)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

describe.each(everyStore())('in the %s store', (_name, open) => {
  it('a published package gets its rank by publicUrl, which the store keeps', async () => {
    const store = await open()
    const { gateway } = gatewayOf(store, { publicUrl: 'wss://old.example' })
    const events = await keyPackagesOf(alice, 3)
    for (const event of events) await gateway.publish(event)
    expect(await ranks(store)).toEqual(expected(events, OLD))
    await eventually('the store has the URL', async () => (await store.keepUrl('another')) === OLD)
    gateway.close()
    await store.close()
  })

  it("without publicUrl it gets its rank by the store's URL: another process's, or else a random text", async () => {
    const store = await open()
    const [one, other] = [gatewayOf(store), gatewayOf(store)]
    const events = await keyPackagesOf(alice, 4)
    await Promise.all(events.map((event, index) => (index % 2 ? one : other).gateway.publish(event)))
    const url = await store.keepUrl('another')
    expect(url).toMatch(/^[0-9a-f]{32}$/)
    expect(await ranks(store)).toEqual(expected(events, url))
    await store.close()
  })

  it('all packages are sorted again when publicUrl is another', async () => {
    const store = await open()
    const before = gatewayOf(store, { publicUrl: OLD })
    const events = await Promise.all(people.map((author) => keyPackagesOf(author, 2)))
    for (const event of events.flat()) await before.gateway.publish(event)
    before.gateway.close()
    const { gateway } = gatewayOf(store, { publicUrl: NEW })
    await eventually('the store has the new URL', async () => (await store.keepUrl('another')) === NEW)
    for (const [index, author] of people.entries()) {
      expect(await ranks(store, author)).toEqual(expected(events[index] ?? [], NEW))
    }
    gateway.close()
    await store.close()
  })
})

describe('a walk that was interrupted', () => {
  it('leaves the old URL, and begins again with the next start', async () => {
    const store = memoryStore()
    const events = await stockFor(store)
    let ranked = 0
    const failing = changed(store, {
      rank: (...call) => {
        ranked += 1
        return ranked > 20 ? Promise.reject(new StoreError('no answer')) : store.rank(...call)
      },
    })
    const interrupted = gatewayOf(failing, { publicUrl: NEW })
    await eventually('it says so', () => interrupted.log.lines.some(({ level }) => level === 'warn'))
    expect(await store.keepUrl(NEW)).toBe(OLD)
    interrupted.gateway.close()

    gatewayOf(store, { publicUrl: NEW })
    await eventually('the store has the new URL', async () => (await store.keepUrl('another')) === NEW)
    for (const [index, author] of people.entries()) {
      expect(await ranks(store, author)).toEqual(expected(events[index] ?? [], NEW))
    }
  })

  it('begins again with the next sweep', async () => {
    const store = memoryStore()
    await stockFor(store)
    let isDown = true
    const failing = changed(store, {
      keepUrl: (url) => (isDown ? Promise.reject(new StoreError('no answer')) : store.keepUrl(url)),
    })
    const { gateway, log } = gatewayOf(failing, { publicUrl: NEW })
    await eventually('it says so', () => log.lines.some(({ level }) => level === 'warn'))
    isDown = false
    await gateway.sweep()
    await eventually('the store has the new URL', async () => (await store.keepUrl('another')) === NEW)
  })

  it('ends with the gateway, without a word', async () => {
    const store = memoryStore()
    await stockFor(store)
    const { gateway, log } = gatewayOf(store, { publicUrl: NEW })
    gateway.close()
    await store.close()
    await eventually('the walk has ended', () => log.lines.length > 0)
    await new Promise(setImmediate)
    expect(log.lines.filter(({ level }) => level !== 'info')).toEqual([])
  })
})

describe('a store that does not answer (I7)', () => {
  it('does not stop a package from being published, whose rank is by what the gateway knows', async () => {
    const store = memoryStore()
    const failing = changed(store, { keepUrl: () => Promise.reject(new StoreError('no answer')) })
    const [event] = await keyPackagesOf(alice, 1)
    if (event === undefined) throw new Error('there is one')
    expect((await gatewayOf(failing).gateway.publish(event)).outcome).toBe('stored')
    const [[, rank = ''] = []] = await ranks(store)
    expect(rank).toMatch(/^1[0-9a-f]{16}$/)
  })

  it('is asked again for its URL, and once a minute whether another process has changed it', async () => {
    const store = memoryStore()
    let asked = 0
    let isDown = true
    const failing = changed(store, {
      keepUrl: (url) => {
        asked += 1
        return isDown ? Promise.reject(new StoreError('no answer')) : store.keepUrl(url)
      },
    })
    let now = NOW
    const { gateway } = gatewayOf(failing, {}, () => now * 1000)
    const [down, up, soon, later] = await keyPackagesOf(alice, 4)
    if (!down || !up || !soon || !later) throw new Error('there are four')
    await store.changeUrl(OLD)
    await gateway.publish(down)
    isDown = false
    await gateway.publish(up)
    await store.changeUrl(NEW)
    now += 59
    await gateway.publish(soon)
    expect(asked).toBe(2)
    now += 1
    await gateway.publish(later)
    expect(asked).toBe(3)
    const found = new Map(await ranks(store))
    expect(found.get(up.id)).toBe(rankOf(up, OLD))
    expect(found.get(soon.id)).toBe(rankOf(soon, OLD))
    expect(found.get(later.id)).toBe(rankOf(later, NEW))
  })
})

/** Two packages of each of the people, in the order of the old URL. */
async function stockFor(store: KeyPackageStore) {
  const { gateway } = gatewayOf(store, { publicUrl: OLD })
  const events = await Promise.all(people.map((author) => keyPackagesOf(author, 2)))
  for (const event of events.flat()) await gateway.publish(event)
  gateway.close()
  return events
}

function changed(store: KeyPackageStore, changes: Partial<KeyPackageStore>): KeyPackageStore {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(name in changes ? changes : target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
