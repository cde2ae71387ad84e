/** When Redis fails, nothing crashes (I9), key packages fail closed (I7), and the store recovers by itself. */

import { afterEach, describe, expect, it } from '@jest/globals'
import { eventually } from '../../support/eventually.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'
import { PROMPTLY, RedisScene, UNAVAILABLE } from '../../support/redis-scene.ts'

const ending: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function open(
  args: readonly string[] = [],
  user = '',
): Promise<{ server: RedisServer; scene: RedisScene }> {
  const server = await startRedis({ args })
  ending.push(() => server.stop())
  if (user !== '') await server.admit(user, 'right')
  const scene = await RedisScene.open(user === '' ? server.url : server.url.replace('//', `//${user}:right@`))
  ending.push(() => scene.close())
  return { server, scene }
}

async function failsClosed(scene: RedisScene): Promise<void> {
  const { published, claimed, other, took } = await scene.answers()
  expect({ published, claimed, other }).toEqual({
    published: UNAVAILABLE,
    claimed: UNAVAILABLE,
    other: undefined,
  })
  expect(took).toBeLessThan(PROMPTLY)
}

describe('a server that hangs (SIGSTOP)', () => {
  it('makes key packages fail closed within 2 s, leaves other kinds alone, and is used again later (I1, I7)', async () => {
    const { server, scene } = await open()
    await scene.stock(5)
    const first = await scene.claimedId()

    server.pause()
    await failsClosed(scene)
    await failsClosed(scene)
    server.resume()

    await scene.recovers()
    expect(await scene.claimedId()).not.toBe(first)
    expect(scene.outages).toEqual(['ETIMEDOUT', 'over'])
  })
})

describe('a server that is killed and started again', () => {
  it.each(['always', 'everysec', 'no'])(
    'with appendfsync %s keeps every acknowledged package (I6), and used ones stay used (I1, I3)',
    async (policy) => {
      const { server, scene } = await open(['--appendonly', 'yes', '--appendfsync', policy])
      const [used, ...left] = (await scene.stock(4)).map(({ id }) => id)
      expect(await scene.claimedId()).toBe(used)

      await server.kill()
      await failsClosed(scene)
      await eventually('the log says why', () => scene.outages.includes('ECONNREFUSED'))
      await server.start()

      await eventually('it is back', async () => (await scene.store.count([scene.author.pubkey], 0))[0] === 3)
      expect([await scene.claimedId(), await scene.claimedId(), await scene.claimedId()]).toEqual(left)
      await eventually('the log says so', () => scene.outages.at(-1) === 'over')
      expect(scene.outages).toEqual(['ECONNREFUSED', 'over'])
    },
  )

  it('without persistence loses everything: packages are gone (I6), and used ones are accepted again (I3)', async () => {
    const { server, scene } = await open()
    const [used] = await scene.stock(3)
    expect(await scene.claimedId()).toBe(used.id)

    await server.restart()
    await scene.recovers()
    expect((await scene.claim()).events).toEqual([])
    expect(await scene.client.publish(used)).toEqual([true, ''])
  })

  it('with snapshots only goes back to the last one: packages used since are handed out again (I1)', async () => {
    const { server, scene } = await open(['--save', '3600', '1'])
    const [used] = await scene.stock(2)
    await server.command('SAVE')
    expect(await scene.claimedId()).toBe(used.id)

    await server.restart()
    await eventually('it is back', async () => (await scene.store.count([scene.author.pubkey], 0))[0] === 2)
    expect(await scene.claimedId()).toBe(used.id)
  })

  it('gets its scripts again after they were flushed', async () => {
    const { server, scene } = await open()
    await scene.stock(3)
    await server.command('SCRIPT', 'FLUSH')
    await scene.stock(2)
    await server.command('SCRIPT', 'FLUSH')
    await scene.claimedId()
    expect(scene.outages).toEqual([])
  })

  it('is used again once it has loaded its data', async () => {
    // A loading server answers after each 2 MiB; before Redis 7.0 that interval cannot be set.
    const slow = ['--save', '3600', '1', '--rdbcompression', 'no', '--key-load-delay', '25000']
    const { server, scene } = await open(slow)
    await scene.stock(2)
    const fill = "for i = 1, 100 do redis.call('set', 'filler:' .. i, string.rep('x', 500000)) end"
    await server.command('EVAL', fill, '0')
    await server.command('SAVE')
    await server.kill()
    await server.launch()

    await eventually('it loads', () => scene.outages.includes('LOADING'))
    await failsClosed(scene)
    await scene.recovers()
  })
})

describe('a server that refuses calls', () => {
  it('because it became a read-only replica', async () => {
    const { server, scene } = await open()
    await scene.stock(3)
    await server.command('REPLICAOF', '127.0.0.1', '1')
    await failsClosed(scene)
    await server.command('REPLICAOF', 'NO', 'ONE')
    await scene.recovers()
    expect(scene.outages).toEqual(['READONLY', 'over'])
  })

  it('because the password was changed', async () => {
    const { server, scene } = await open([], 'ann')
    await scene.stock(3)
    await server.command('ACL', 'SETUSER', 'ann', 'resetpass', '>other')
    await server.command('CLIENT', 'KILL', 'USER', 'ann')
    await failsClosed(scene)
    await eventually('the log says why', () => scene.outages.includes('WRONGPASS'))
    await server.command('ACL', 'SETUSER', 'ann', '>right')
    await scene.recovers()
    expect(scene.outages).toEqual(['WRONGPASS', 'over'])
  })

  it('because the user lost a permission', async () => {
    const { server, scene } = await open([], 'ann')
    await scene.stock(3)
    await server.command('ACL', 'SETUSER', 'ann', '-@scripting')
    await failsClosed(scene)
    await server.command('ACL', 'SETUSER', 'ann', '+@scripting')
    await scene.recovers()
    expect(scene.outages).toEqual(['NOPERM', 'over'])
  })

  it('because its memory is full', async () => {
    const { server, scene } = await open(['--maxmemory-policy', 'noeviction'])
    await scene.stock(3)
    await server.command('CONFIG', 'SET', 'maxmemory', '1')
    await failsClosed(scene)
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    await scene.recovers()
    expect(scene.outages).toEqual(['OOM', 'over'])
  })
})

describe('a start that fails', () => {
  it('says why, and leaves no connection open', async () => {
    const server = await startRedis()
    ending.push(() => server.stop())
    await server.admit('ann', 'right', 'resetchannels')
    const url = server.url.replace('//', '//ann:right@')
    await expect(RedisScene.open(url)).rejects.toThrow('permission denied')
    await eventually(
      'ann is gone',
      async () => !(await server.command('CLIENT', 'LIST')).includes('user=ann'),
    )
  })
})

describe('connections that break during many claims', () => {
  it('hand nothing out twice (I1)', async () => {
    const { server, scene } = await open()
    const stock = await scene.stock(10)
    const ids: string[] = []
    for (let round = 0; ids.length < stock.length - 1; round++) {
      const [reply] = await Promise.all([
        scene.claim(),
        round % 3 === 0 ? server.command('CLIENT', 'KILL', 'TYPE', 'normal') : undefined,
      ])
      ids.push(...reply.events.map(({ id }) => id))
      const [left] = await eventually('it answers', () => scene.store.count([scene.author.pubkey], 0))
      if (left === 1) break
    }
    expect(new Set(ids).size).toBe(ids.length)
  })
})
