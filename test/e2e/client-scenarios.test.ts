/** What apps do with `keypackage-gateway/client`, from creating groups to replenishing, on every store, with real MLS. */

import { describe, expect, it } from '@jest/globals'
import { createSlotId, getKeyPackage } from '../../adapters/client/events.ts'
import type { LowStockRequest } from '../../adapters/client/replenish.ts'
import { byOutcome, ClientScene, type Someone } from '../support/client-scene.ts'
import { eventually } from '../support/eventually.ts'
import { everyStore } from '../support/every-store.ts'
import { GroupMember } from '../support/group-member.ts'

describe.each(everyStore())('an app, on %s', (_name, open) => {
  const scene = new ClientScene(open)

  /** Members 1 to `count`, each of whom has published this many packages. */
  async function members(server: { url: string }, count: number, packages = 2): Promise<Someone[]> {
    const people = Array.from({ length: count }, (_, index) => scene.connect(`member ${index + 1}`, server))
    for (const someone of people) if (packages > 0) await someone.publish(packages)
    return people
  }

  it('creates a group with five members: one query, five packages, and all five read the first message', async () => {
    const server = await scene.serve()
    const five = await members(server, 5)
    const creator = scene.connect('creator', server)
    const { packages, ...rest } = byOutcome(await creator.client.queryKeyPackages(pubkeysOf(five)))
    expect(rest).toEqual({ missing: [], limited: [], unanswered: [], refused: [], rejected: [] })
    expect([...packages.values()].map((of) => of.length)).toEqual([1, 1, 1, 1, 1])

    const group = await GroupMember.open(await oneOf(creator))
    const { welcome } = await group.add(
      [...packages.values()].flat().map(({ event }) => getKeyPackage(event)),
    )
    const message = await group.say('welcome, all five')
    for (const someone of five) {
      const [received] = packages.get(someone.pubkey) ?? []
      const member = await GroupMember.join(welcome, keptFor(someone, received))
      expect(await member.read(message)).toBe('welcome, all five')
    }
  })

  it('adds two members to a group: two packages, and the existing member processes the commit', async () => {
    const server = await scene.serve()
    const [first, ...others] = await members(server, 3)
    if (first === undefined) throw new Error('there are three')
    const creator = scene.connect('creator', server)
    const group = await GroupMember.open(await oneOf(creator))
    const [one] =
      byOutcome(await creator.client.queryKeyPackages([first.pubkey])).packages.get(first.pubkey) ?? []
    if (one === undefined) throw new Error('the first has none')
    const earlier = await GroupMember.join(
      (await group.add([getKeyPackage(one.event)])).welcome,
      keptFor(first, one),
    )

    const { packages } = byOutcome(await creator.client.queryKeyPackages(pubkeysOf(others)))
    const { welcome, commit } = await group.add(
      [...packages.values()].flat().map(({ event }) => getKeyPackage(event)),
    )
    expect(await earlier.read(commit)).toBe('')
    const message = await earlier.say('hello, you two')
    for (const someone of others) {
      const member = await GroupMember.join(welcome, keptFor(someone, packages.get(someone.pubkey)?.[0]))
      expect(await member.read(message)).toBe('hello, you two')
    }
  })

  it('retries only authors without a package, after pauses, until they have published', async () => {
    const server = await scene.serve()
    const [ready, second, third] = await members(server, 3, 0)
    if (ready === undefined || second === undefined || third === undefined) throw new Error('there are three')
    await ready.publish(2)
    const creator = scene.connect('creator', server)
    const answering = creator.client.queryWithRetry(pubkeysOf([ready, second, third]), { rounds: 3 })
    await eventually('the second round waits', () => scene.time.pending.includes(750))
    await second.publish(2)
    scene.advance(0.75)
    await eventually('the third round waits', () => scene.time.pending.includes(1500))
    await third.publish(2)
    scene.advance(1.5)

    const { packages, missing } = byOutcome(await answering)
    expect([...packages.keys()]).toEqual(pubkeysOf([ready, second, third]))
    expect(missing).toEqual([])
    const { statistics } = creator.client
    expect(statistics.of(ready.pubkey)).toMatchObject({ queries: 1, delivered: 1, missing: 0 })
    expect(statistics.of(third.pubkey)).toMatchObject({ queries: 3, delivered: 1, missing: 2 })
    expect(statistics.authorsBelow(0.5)).toEqual([third.pubkey])
  })

  it('gets partial results: packages, authors without any, and authors who are limited and for how long (I5)', async () => {
    const server = await scene.serve({ quota: { perAuthor: { max: 1 } } })
    const [served, limited] = await members(server, 2)
    if (served === undefined || limited === undefined) throw new Error('there are two')
    const nobody = scene.connect('nobody', server)
    const first = scene.connect('creator', server)
    await first.client.queryKeyPackages([limited.pubkey])
    scene.advance(600)

    const authors = pubkeysOf([served, limited, nobody])
    const other = scene.connect('creator', server)
    const { packages, missing, unanswered, ...others } = byOutcome(
      await other.client.queryKeyPackages(authors),
    )
    expect([...packages.keys()]).toEqual([served.pubkey])
    expect(missing).toEqual([nobody.pubkey])
    expect(others.limited).toEqual([{ author: limited.pubkey, retryAfterSeconds: 3000 }])
    expect(unanswered).toEqual([])

    scene.advance(3000)
    expect(byOutcome(await other.client.queryKeyPackages([limited.pubkey])).packages.size).toBe(1)
  })

  it('replenishes: the relay asks, the client publishes ten packages, and the relay asks no more', async () => {
    const server = await scene.serve({ stock: { max: 20 } })
    await scene.connect('author', server).publish(3)
    const author = scene.connect('author', server)
    const asked: string[] = []
    author.client.onLowStock(async ({ relay }) => {
      asked.push(relay)
      await author.publish(10, { relays: [relay] })
    })
    await author.client.countKeyPackages()
    expect(asked).toEqual([])

    // The gateway asks at most every 300 s, and did so when the author had none.
    scene.advance(300)
    await scene.connect('requester', server).client.queryKeyPackages([author.pubkey])
    await eventually('ten more are stored', async () => {
      const [stock] = await author.client.countKeyPackages()
      return stock?.outcome === 'counted' && stock.count === 12
    })
    expect(asked).toHaveLength(1)
  })

  it('rotates a slot: the relay asks for kind 30443 once somebody has claimed it, and the client publishes another package in it', async () => {
    const server = await scene.serve({ replenish: { rotateAfter: 1 } })
    const author = scene.connect('author', server)
    const slot = createSlotId()
    const first = await author.publishSlot(slot)
    const requests: LowStockRequest[] = []
    author.client.onLowStock(async (request) => {
      requests.push(request)
      if (request.kinds.includes(30443)) await author.publishSlot(slot)
    })
    await author.client.countKeyPackages()
    scene.advance(1)
    await scene.connect('requester', server).client.queryKeyPackages([author.pubkey])
    await eventually('the slot has another package', async () => {
      const [own] = await author.client.listKeyPackages()
      return own?.outcome === 'listed' && own.packages.every(({ ref }) => ref !== first)
    })
    expect(requests.map(({ kinds }) => kinds)).toEqual([[30443]])
  })

  it('replenishes from another device: the request is withdrawn, and its signal aborts on the first device', async () => {
    const server = await scene.serve()
    await scene.connect('author', server).publish(3)
    const [phone, laptop] = [scene.connect('author', server), scene.connect('author', server)]
    const requests: LowStockRequest[] = []
    // The callback on the phone does not publish; the laptop does.
    phone.client.onLowStock(async (request) => {
      requests.push(request)
      await new Promise((resolve) => request.signal.addEventListener('abort', resolve))
    })
    await phone.client.countKeyPackages()
    scene.advance(300)
    await scene.connect('requester', server).client.queryKeyPackages([phone.pubkey])
    await eventually('the phone is called back', () => requests.length === 1)
    expect(requests[0]?.signal.aborted).toBe(false)
    await laptop.publish(5)
    await eventually('the signal is aborted', () => requests[0]?.signal.aborted)
    expect(requests).toHaveLength(1)
  })
})

function pubkeysOf(people: readonly Someone[]): string[] {
  return people.map(({ pubkey }) => pubkey)
}

async function oneOf(someone: Someone) {
  const [complete] = await someone.generate(1)
  if (complete === undefined) throw new Error('no key package was generated')
  return complete
}

/** The keys that belong to the package that another received. */
function keptFor(someone: Someone, received: { readonly ref: string } | undefined) {
  const complete = someone.own.get(received?.ref ?? '')
  if (complete === undefined) throw new Error('the package is not one of theirs')
  return complete
}
