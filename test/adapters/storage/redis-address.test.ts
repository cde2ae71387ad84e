/** Which addresses of Redis are read, as what, and how the others are refused. */

import { describe, expect, it } from '@jest/globals'
import { parseRedisAddress, placeOf } from '../../../adapters/storage/redis/address.ts'

describe('an address of Redis', () => {
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

  it('holds user and password, percent-decoded', () => {
    expect(parseRedisAddress('redis://ann%40x:p%3A%2F%40w@h')).toMatchObject({
      username: 'ann@x',
      password: 'p:/@w',
    })
    expect(parseRedisAddress('redis://:pa:ss@w@h')).toMatchObject({ password: 'pa:ss@w' })
    expect(parseRedisAddress('redis://h')).not.toHaveProperty('password')
  })

  it('never shows user or password again', () => {
    expect(placeOf(parseRedisAddress('redis://ann:secret@h/1'))).toBe('redis://h:6379/1')
  })

  it('holds a prefix for all keys', () => {
    expect(parseRedisAddress('redis://h?prefix=my%20relay:').prefix).toBe('my relay:')
    expect(parseRedisAddress('redis://h').prefix).toBe('kpg:')
  })

  it.each([
    ['redis:/h', 'it does not read as one'],
    ['redis://h:99999', 'a host is host:port or [IPv6]:port'],
    ['redis://a,b', 'several hosts are for +sentinel or +cluster'],
    ['redis://h/zero', 'a database is a number'],
    ['redis://h/1/2', 'a database is a number'],
    ['redis://h?db=1', 'there is no parameter db'],
    ['redis://h?prefix={x}', 'a prefix has no braces'],
    ['redis://secret@h', 'the part before @ is user:password or :password'],
    ['redis://ann:secret%@h', 'a % in it is not followed by two hex digits'],
    ['redis+sentinel://h', 'it lacks the name that the Sentinels know the master by'],
    ['redis+cluster://h/1', 'a cluster has no databases'],
  ])('%s is refused: %s', (text, why) => {
    expect(() => parseRedisAddress(text)).toThrow(`not an address of Redis: ${why}; it takes redis://`)
    expect(() => parseRedisAddress(text)).not.toThrow('secret')
  })
})
