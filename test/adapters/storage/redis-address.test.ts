/** Which Redis addresses are accepted, how they are parsed, and the errors for the others. */

import { describe, expect, it } from '@jest/globals'
import { parseRedisAddress, placeOf } from '../../../adapters/storage/redis/address.ts'

describe('a Redis address', () => {
  it.each([
    ['redis://localhost', 'redis://localhost:6379/0'],
    ['redis://10.0.0.1:6380/3', 'redis://10.0.0.1:6380/3'],
    ['redis://[::1]:6380', 'redis://[::1]:6380/0'],
    ['rediss://redis.example.com', 'rediss://redis.example.com:6379/0'],
    ['redis+sentinel://a:1,b/main', 'redis+sentinel://a:1,b:26379/main/0'],
    ['redis+sentinel://a/main/2', 'redis+sentinel://a:26379/main/2'],
    ['redis+cluster://a:1,[fe80::1]:2', 'redis+cluster://a:1,[fe80::1]:2'],
    ['rediss+cluster://a', 'rediss+cluster://a:6379'],
  ])('%s leads to %s', (text, place) => {
    expect(placeOf(parseRedisAddress(text))).toBe(place)
  })

  it('contains user and password, percent-decoded', () => {
    expect(parseRedisAddress('redis://ann%40x:p%3A%2F%40w@h')).toMatchObject({
      username: 'ann@x',
      password: 'p:/@w',
    })
    expect(parseRedisAddress('redis://:pa:ss@w@h')).toMatchObject({ password: 'pa:ss@w' })
    expect(parseRedisAddress('redis://h')).not.toHaveProperty('password')
  })

  it('is shown without user and password', () => {
    expect(placeOf(parseRedisAddress('redis://ann:secret@h/1'))).toBe('redis://h:6379/1')
  })

  it('contains a prefix for all keys', () => {
    expect(parseRedisAddress('redis://h?prefix=my%20relay:').prefix).toBe('my relay:')
    expect(parseRedisAddress('redis://h').prefix).toBe('kpg:')
  })

  it.each([
    ['redis:/h', 'syntax error'],
    ['redis://h:99999', 'a host must be host:port or [IPv6]:port'],
    ['redis://a,b', 'several hosts require +sentinel or +cluster'],
    ['redis://h/zero', 'the database must be a number'],
    ['redis://h/1/2', 'the database must be a number'],
    ['redis://h?db=1', 'unknown parameter db'],
    ['redis://h?prefix={x}', 'the prefix must not contain braces'],
    ['redis://secret@h', 'credentials must be user:password or :password'],
    ['redis://ann:secret%@h', 'invalid percent-encoding'],
    ['redis+sentinel://h', 'missing master name'],
    ['redis+cluster://h/1', 'a cluster has no databases'],
  ])('%s is refused: %s', (text, why) => {
    expect(() => parseRedisAddress(text)).toThrow(`invalid Redis address: ${why}; expected redis://`)
    expect(() => parseRedisAddress(text)).not.toThrow('secret')
  })
})
