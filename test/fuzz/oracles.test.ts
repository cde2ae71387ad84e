/** The fuzzer itself: its oracles find what they are for, and its changes are the same for the same seed. */

import { describe, expect, it } from '@jest/globals'
import type { ClientMessage, RelayMessage } from '../../plugin/nostr/messages.ts'
import { seededRandom } from '../support/random.ts'
import { verifyEvent } from '../support/signing.ts'
import { demandAnswer } from './answer-oracle.ts'
import { alice, expanded, STOCKED, UNPUBLISHED } from './cast.ts'
import { explore, NO_FEEDBACK, shrunk } from './exploration.ts'
import { demandReceivable, demandSame } from './key-package-oracle.ts'
import { kindsReadIn } from './kind-readers.ts'
import { mutated } from './mutator.ts'
import { demand, lines, type Target } from './target.ts'

const [first = UNPUBLISHED[0], second = UNPUBLISHED[1]] = STOCKED
if (first === undefined || second === undefined) throw new Error('nothing is stocked')
const REQ: ClientMessage = ['REQ', 's', { kinds: [443], authors: [alice.pubkey] }]

describe('the oracle of answers', () => {
  const reasons: readonly [
    what: string,
    said: ClientMessage,
    replies: RelayMessage[],
    forward?: ClientMessage,
  ][] = [
    ['no EOSE', REQ, [['EVENT', 's', first]]],
    [
      'two EOSEs',
      REQ,
      [
        ['EOSE', 's'],
        ['EOSE', 's'],
      ],
    ],
    [
      'EOSE after CLOSED',
      REQ,
      [
        ['CLOSED', 's', 'error: x'],
        ['EOSE', 's'],
      ],
    ],
    ['EOSE here and from the relay', REQ, [['EOSE', 's']], ['REQ', 's', { kinds: [1] }]],
    ['a key package filter for the relay', REQ, [], REQ],
    ['a key package for the relay', ['EVENT', first], [], ['EVENT', first]],
    ['no OK', ['EVENT', first], [['NOTICE', 'invalid: x']]],
    [
      'two OKs',
      ['EVENT', first],
      [
        ['OK', first.id, true, ''],
        ['OK', first.id, true, ''],
      ],
    ],
    ['OK for another event', ['EVENT', first], [['OK', second.id, true, '']]],
    ['OK false without a prefix', ['EVENT', first], [['OK', first.id, false, 'no']]],
    ['no answer to COUNT', ['COUNT', 's', {}], []],
  ]

  it.each(reasons.map(([what, said, replies, forward]) => ({ what, said, replies, forward })))(
    'finds $what',
    ({ said, replies, forward }) => {
      expect(() => demandAnswer(said, { replies, ...(forward && { forward }) })).toThrow()
    },
  )

  it('finds nothing wrong with a right answer', () => {
    demandAnswer(REQ, {
      replies: [
        ['EVENT', 's', first],
        ['NOTICE', 'rate-limited: x'],
        ['EOSE', 's'],
      ],
    })
    demandAnswer(REQ, {
      replies: [
        ['EOSE', 's'],
        ['CLOSED', 's', 'rate-limited: x'],
      ],
    })
    demandAnswer(['EVENT', first], { replies: [['OK', first.id, true, '']] })
  })
})

describe('the oracles of key packages', () => {
  it('take what is published, and nothing with a wrong signature', async () => {
    await demandReceivable(first, first.created_at)
    await expect(demandReceivable({ ...first, sig: second.sig }, first.created_at)).rejects.toThrow()
    await expect(demandReceivable({ ...first, content: second.content }, first.created_at)).rejects.toThrow()
  })

  it('find a field that has changed in delivery (I8)', () => {
    demandSame(first, first)
    expect(() => demandSame({ ...first, created_at: 1 }, first)).toThrow('I8')
    expect(() => demandSame({ ...first, content: second.content }, first)).toThrow()
  })
})

describe('the readers of kinds', () => {
  it.each([
    ['["EVENT",{"kind":1}]', [1]],
    ['["EVENT","s",{"kind":1,"Kind":443,"\u212aind":2}]', [1, 443, 2]],
    ['["EVENT",{"k\\u0069nd":443,"content":"\\"kind\\":1","tags":[["kind","2"],{"kind":3}]}]', [443]],
  ])('finds in %s the kinds %j', (text, kinds) => expect(kindsReadIn(text)).toEqual(kinds))
})

describe('inputs', () => {
  it('are signed as they are written, and broken only where they say so', () => {
    const event = { by: 'alice', kind: 1, tags: [['p', '@alice']] }
    expect(verifyEvent(expanded(event) as typeof first)).toBe(true)
    expect(expanded(event)).toMatchObject({ tags: [['p', alice.pubkey]] })
    expect(verifyEvent(expanded({ ...event, pubkey: '@bob' }) as typeof first)).toBe(false)
  })

  it('are changed alike for the same seed', () => {
    const change = (seed: number) => {
      const random = seededRandom(seed)
      const input = lines(['REQ', 's', { kinds: [443] }])
      return Array.from({ length: 50 }, () =>
        mutated(input, random, { other: input, words: ['@alice'] }).toString(),
      )
    }
    expect(change(1)).toEqual(change(1))
    expect(new Set(change(1)).size).toBeGreaterThan(40)
  })

  it('that break something are found, and made smaller', async () => {
    const target: Target = {
      name: 'planted',
      seeds: [lines(['REQ', 'sub', { kinds: [1, 2, 3] }])],
      words: ['443'],
      shortRun: 0,
      run: (input) => demand(!input.includes('443'), 'it is there', input.toString()),
    }
    const settings = {
      random: seededRandom(1),
      feedback: NO_FEEDBACK,
      goesOn: (count: number) => count < 2000,
    }
    const { findings } = await explore(target, settings)
    const [finding] = findings
    if (finding === undefined) throw new Error('it was not found')
    expect(findings).toHaveLength(1)
    expect((await shrunk(target, finding)).toString()).toBe('443')
  })
})
