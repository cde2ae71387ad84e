/** `ban`, `unban`, `allow`, `unallow` and `bans`: what they print, and that running processes on the store hear of it. */

import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { npubEncode } from 'nostr-tools/nip19'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { alice, bob, newEvent, packagesOf, Scene } from '../../e2e/behaviour/scene.ts'
import { type ServeProcess, startServe } from '../../e2e/serve-process.ts'
import { runCli, runWarm } from '../../support/cli.ts'
import { eventually } from '../../support/eventually.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'
import { scratch } from '../../support/scratch.ts'
import { Plugin, pluginCommand } from '../../support/strfry.ts'

const npub = npubEncode(alice.pubkey)
let directory: string
beforeEach(() => {
  directory = scratch()
})

describe('the commands', () => {
  let store: string
  beforeEach(async () => {
    const path = join(directory, 'store')
    await lmdbStore({ path }).close()
    store = `lmdb:${path}`
  })

  it('ban and allow, list both, and undo it', async () => {
    const run = (...args: string[]) => runWarm([...args, '--store', store])
    expect(await run('bans')).toMatchObject({
      code: 0,
      stdout: 'nobody is banned, and nobody is on the list of those who are allowed\n',
    })
    expect(await run('ban', npub, '--reason', 'spam')).toMatchObject({
      code: 0,
      stdout: `banned: ${alice.pubkey}\n`,
    })
    expect(await run('allow', '203.0.113.9/24')).toMatchObject({ stdout: 'allowed: 203.0.113.0/24\n' })
    const { stdout } = await run('bans', '--access-ban', bob.pubkey)
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(new RegExp(`^banned +${bob.pubkey} +by access.ban in the settings$`)),
      expect.stringMatching(new RegExp(`^banned +${alice.pubkey} +\\d{4}-.*Z  spam$`)),
      expect.stringMatching(/^allowed +203\.0\.113\.0\/24 +\d{4}-.*Z$/),
    ])
    expect(await run('unban', alice.pubkey)).toMatchObject({
      code: 0,
      stdout: `no longer banned: ${alice.pubkey}\n`,
    })
    expect(await run('unban', alice.pubkey)).toMatchObject({
      code: 1,
      stdout: `was not banned: ${alice.pubkey}\n`,
    })
    expect(await run('unallow', '203.0.113.0/24')).toMatchObject({ code: 0 })
    expect(await run('unban', bob.pubkey, '--access-ban', bob.pubkey)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^still banned by access\.ban in the settings/),
    })
  })

  it('print JSON', async () => {
    const run = async (...args: string[]) =>
      JSON.parse((await runWarm([...args, '--json', '--store', store])).stdout)
    const rule = { list: 'ban', subject: alice.pubkey, reason: 'spam', at: expect.any(Number) }
    expect(await run('ban', npub, '--reason', 'spam')).toEqual(rule)
    expect(await run('bans')).toEqual([{ ...rule, from: 'store' }])
    expect(await run('unban', npub)).toEqual({ subject: npub, outcome: 'removed' })
    expect(await run('bans')).toEqual([])
  })

  it.each([['alice'], ['300.1.2.3'], ['10.0.0.0/40']])('refuse %s as a usage error', async (subject) => {
    const refused = { code: 2, stderr: expect.stringMatching(/expected a pubkey in hex or as npub/) }
    expect(await runWarm(['ban', subject, '--store', store])).toMatchObject(refused)
    // Whatever is wrong with the store.
    expect(await runWarm(['unban', subject, '--store', `lmdb:${directory}/mistyped`])).toMatchObject(refused)
  })

  it('do not create a store, so that nobody is banned in one that no relay uses', async () => {
    const missing = `lmdb:${join(directory, 'mistyped')}`
    expect(await runWarm(['ban', npub, '--store', missing])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no key package store in/),
    })
  })
})

describe.each(['LMDB path', 'Redis'])('a serve process and the strfry plugin on one %s', (kind) => {
  let redis: RedisServer | undefined
  beforeAll(async () => {
    if (kind === 'Redis') redis = await startRedis()
  })
  afterAll(() => redis?.stop())
  const scene = new Scene<ServeProcess>((options) => startServe(directory, { ...options, store: storeAt() }))
  const storeAt = () => redis?.url ?? `lmdb:${join(directory, 'store')}`

  it('enforce a ban soon after it is imposed or lifted by a third process', async () => {
    // So many that a quota never looks like the ban.
    const quota = { perAuthor: { max: 10_000 }, perAddress: { max: 100_000 } }
    const serve = await scene.start({ claim: { redeliverySeconds: 0 }, quota })
    await scene.publish(serve, bob, 5)
    const client = await scene.connect(serve)
    const plugin = new Plugin(`exec ${pluginCommand('--store', storeAt())}`)
    try {
      const event = await newEvent(serve, alice)
      const pluginSays = async () => (await plugin.ask(event, { sourceInfo: '203.0.113.7' })).action
      const count = async () => (await client.request('bobs', packagesOf(bob))).events.length
      expect([await pluginSays(), await count()]).toEqual(['shadowReject', 1])

      for (const subject of ['203.0.113.0/24', bob.pubkey])
        await runCli(['ban', subject, '--store', storeAt()])
      await eventually('the plugin rejects', async () => (await pluginSays()) === 'reject')
      await eventually('serve has nothing of him', async () => (await count()) === 0)
      expect(await client.publish(await newEvent(serve, bob))).toEqual([
        false,
        'blocked: you may not publish key packages here',
      ])

      for (const subject of ['203.0.113.0/24', bob.pubkey])
        await runCli(['unban', subject, '--store', storeAt()])
      await eventually('the plugin accepts again', async () => (await pluginSays()) === 'shadowReject')
      await eventually('serve has his packages again', async () => (await count()) === 1)
    } finally {
      plugin.kill()
    }
  })

  it('say at their start what is wrong with the settings', async () => {
    const wrong = npub.replace(/.$/, 'b')
    for (const command of ['serve', 'strfry']) {
      expect(await runCli([command, '--store', storeAt(), '--access-ban', wrong])).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/access\.ban: "npub1\w+" is not allowed/),
      })
    }
  })
})
