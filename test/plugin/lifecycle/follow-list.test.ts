/** What counts as a follow list, which of them a deletion names, and what a store can tell from what it keeps. */

import { describe, expect, it } from '@jest/globals'
import { followListsNamed } from '../../../plugin/lifecycle/deletion.ts'
import { type FollowList, followListOf, MAX_FOLLOWED } from '../../../plugin/lifecycle/follow-list.ts'
import { followingIn, offerFollowList } from '../../../plugin/lifecycle/known-follow-lists.ts'
import { authorNamed, hex } from '../../contract/packages.ts'
import { NOW, signEvent } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob').pubkey
const carol = person('carol').pubkey

function eventOf(kind: number, tags: string[][]) {
  return signEvent(alice.secretKey, { kind, created_at: NOW, tags, content: '' })
}

describe('a follow list', () => {
  it('is an event of kind 3, or of kind 30000 with d keypackages', () => {
    const tags = [
      ['p', bob, 'wss://relay.example', 'Bob'],
      ['p', carol],
    ]
    for (const event of [eventOf(3, tags), eventOf(30000, [['d', 'keypackages'], ...tags])]) {
      const { id, kind } = event
      const list = { author: alice.pubkey, kind, id, createdAt: NOW, pubkeys: [bob, carol] }
      expect(followListOf(event)).toEqual(list)
    }
    for (const event of [
      eventOf(30000, [['d', 'friends'], ...tags]),
      eventOf(30000, tags),
      eventOf(10000, [['d', 'keypackages'], ...tags]),
      eventOf(1, tags),
    ])
      expect(followListOf(event)).toBeUndefined()
  })

  it('names each pubkey once, and only what is one', () => {
    const tags = [['p', bob], ['p'], ['p', 'npub1'], ['p', bob.toUpperCase()], ['e', carol], ['p', bob], []]
    expect(followListOf(eventOf(3, tags))?.pubkeys).toEqual([bob])
  })

  it('of more than 2,000 counts with the last 2,000, whom its author has added last', () => {
    const pubkeys = Array.from({ length: MAX_FOLLOWED + 5 }, (_, index) => authorNamed(`${index}`))
    const list = followListOf(
      eventOf(
        3,
        pubkeys.map((pubkey) => ['p', pubkey]),
      ),
    )
    expect(list?.pubkeys).toEqual(pubkeys.slice(5))
  })
})

describe('a deletion', () => {
  it('names follow lists of its author by their address or their id', () => {
    const id = hex('a list')
    const tags = [
      ['a', `3:${alice.pubkey}:`],
      ['a', `30000:${alice.pubkey}:keypackages`],
      ['a', `30000:${alice.pubkey}:friends`],
      ['a', `30000:${bob}:keypackages`],
      ['e', id],
    ]
    expect(followListsNamed(eventOf(5, tags))).toEqual({ kinds: [3, 30000], ids: [id], createdUntil: NOW })
    const others = followListsNamed(eventOf(5, [['a', `30443:${alice.pubkey}:phone`]]))
    expect(others).toEqual({ kinds: [], ids: [], createdUntil: NOW })
  })

  it('of everything names all follow lists of its author', () => {
    expect(followListsNamed(eventOf(62, []))).toEqual({ kinds: [3, 30000], ids: [], createdUntil: NOW })
  })
})

describe('what is kept of a follow list', () => {
  const author = { packages: [1] }
  const keep = (list: FollowList) => offerFollowList(undefined, list, author).known
  const listOf = (name: string): FollowList => {
    const who = authorNamed(name)
    return { author: who, kind: 3, id: hex(name), createdAt: NOW, pubkeys: [bob, carol] }
  }

  it('has no pubkey in it, and 11 characters for each', () => {
    const kept = keep(listOf('dave'))
    for (const pubkey of [bob, carol]) expect(JSON.stringify(kept)).not.toContain(pubkey.slice(0, 8))
    expect(kept?.lists[3]?.followed).toHaveLength(22)
    expect(followingIn(kept, [carol])).toBe('followed')
  })

  it('cannot be compared with what is kept of another author', () => {
    const [daves, erins] = [keep(listOf('dave')), keep(listOf('erin'))]
    expect(daves?.lists[3]?.followed).not.toBe(erins?.lists[3]?.followed)
    expect(daves?.secret).not.toBe(erins?.secret)
  })
})
