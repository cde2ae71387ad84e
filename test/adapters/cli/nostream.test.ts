/** Settings that default to nostream's own: the Redis and the address of the relay. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { readNostreamSettings } from '../../../adapters/cli/nostream.ts'
import { nostreamRedis } from '../../../adapters/relays/nostream/nostream.ts'
import { parseRedisAddress } from '../../../adapters/storage/redis/address.ts'
import { scratch } from '../../support/scratch.ts'

const RELAY = 'wss://relay.example.com'

describe("nostream's Redis", () => {
  it.each<[env: Record<string, string>, address: string]>([
    [{}, 'redis://localhost:6379'],
    [{ REDIS_HOST: 'cache', REDIS_PORT: '6380' }, 'redis://cache:6380'],
    [{ REDIS_URI: 'rediss://cache:6380/2' }, 'rediss://cache:6380/2'],
    [{ REDIS_URI: 'redis://cache', REDIS_HOST: 'elsewhere', REDIS_USER: 'bob' }, 'redis://cache'],
    [{ REDIS_URI: '', REDIS_HOST: 'cache', REDIS_PASSWORD: '' }, 'redis://cache:6379'],
  ])('%j is %s', (env, address) => {
    expect(nostreamRedis(env)).toBe(address)
  })

  it.each<[env: Record<string, string>, username: string | undefined]>([
    [{ REDIS_HOST: 'cache' }, 'default'],
    [{ REDIS_HOST: 'cache', REDIS_USER: 'b@b' }, 'b@b'],
    [{ REDIS_URI: 'redis://cache' }, undefined],
    [{ REDIS_URI: 'redis://bob:before@cache' }, 'bob'],
  ])('%j takes the password, with any characters in it', (env, username) => {
    const password = 'p%:/@ß?'
    const { username: who, password: secret } = parseRedisAddress(
      nostreamRedis({ ...env, REDIS_PASSWORD: password }),
    )
    expect([who, secret]).toEqual([username, password])
  })
})

describe('the settings', () => {
  it("default to nostream's", () => {
    const settings = readNostreamSettings({ REDIS_HOST: 'cache' }, RELAY)
    expect(settings).toMatchObject({ publicUrl: RELAY, store: 'redis://cache:6379', profile: 'mixed' })
  })

  it('are read from KPG_ variables, which override the file that KPG_CONFIG names', () => {
    const path = scratch()
    const file = join(path, 'gateway.yaml')
    writeFileSync(file, 'store: lmdb:/somewhere\npublicUrl: wss://file.example.com\nprofile: marmot\n')
    const env = { KPG_CONFIG: file, KPG_PUBLIC_URL: 'wss://env.example.com' }
    expect(readNostreamSettings(env, RELAY)).toMatchObject({
      store: 'lmdb:/somewhere',
      publicUrl: 'wss://env.example.com',
      profile: 'marmot',
    })
  })

  it.each<[env: Record<string, string>, why: RegExp]>([
    [
      { KPG_STORE: 'memory:' },
      /^store: "memory:" is not allowed: the workers of nostream must share the store$/,
    ],
    [{ KPG_STOCK_MAX: 'many' }, /^stock\.max: .*KPG_STOCK_MAX/],
    [{ KPG_STOK_MAX: '3' }, /^KPG_STOK_MAX: unknown setting/],
    [{ KPG_CONFIG: '/not/there.yaml' }, /^\/not\/there\.yaml: cannot read .*: there is no such file$/],
  ])('refuse %j', (env, why) => {
    expect(() => readNostreamSettings(env, RELAY)).toThrow(why)
  })
})
