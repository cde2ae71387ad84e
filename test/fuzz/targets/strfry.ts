/** What strfry writes to its write-policy plugin: each question gets one answer that strfry can read, in order. */

import { MAX_ANSWER_BYTES, readQuestion } from '../../../adapters/relays/strfry/protocol.ts'
import { NOW } from '../../support/key-packages.ts'
import { openPolicy } from '../../support/strfry-policy.ts'
import { alice, CAST_WORDS, expanded, STOCKED } from '../cast.ts'
import { demand, lines, type Target } from '../target.ts'

const KINDS: readonly unknown[] = [443, 30443]
const asked = (event: unknown, more: object = {}) => ({
  type: 'new',
  event,
  receivedAt: NOW,
  sourceType: 'IP4',
  sourceInfo: '203.0.113.1',
  ...more,
})

export const target: Target = {
  name: 'strfry',
  seeds: [
    lines(asked(STOCKED[0]), asked({ by: 'alice', kind: 1, content: 'hi' })),
    lines(asked(STOCKED[2], { sourceType: 'IP6', sourceInfo: '2001:db8::1', authed: alice.pubkey })),
    lines(
      asked(STOCKED[3], { sourceType: 'Stream', sourceInfo: 'wss://other.example.com' }),
      asked(STOCKED[3], { sourceType: 'Stored' }),
    ),
    lines(asked({ by: 'bob', kind: 5, tags: [['e', '@stocked3']] }), asked(STOCKED[3])),
    lines(
      asked({ by: 'bob', kind: 10051, tags: [['relay', 'x']] }),
      asked({ by: 'bob', kind: 444, tags: [['-']] }),
    ),
    Buffer.from('no JSON\n{"type":"new"}\n\n[]\nnull\n{"type":"new","event":{"id":"x"}}'),
  ],
  words: [
    ...CAST_WORDS,
    ...[
      'type',
      'new',
      'event',
      'sourceType',
      'sourceInfo',
      'authed',
      'IP4',
      'IP6',
      'Import',
      'Stream',
      'Sync',
      'Stored',
      '?',
    ],
    ...['id', 'kind', 'tags', 'content', '127.0.0.1', '\u2028', '\r', '443', '30443', 'created_at'],
  ],
  shortRun: 120,
  async run(input) {
    const questions = input.toString().split('\n').slice(0, 10).map(written)
    const { test, log, tell } = openPolicy()
    const answers = await tell(`${questions.join('\n')}\n`)
    const expected = questions.flatMap(readOrNone)
    demand(answers.length === expected.length, 'not one answer for each question', questions, answers)
    for (const [index, answer] of answers.entries()) demandAnswerTo(expected[index], answer)
    demand(
      log.lines.every(({ level }) => level === 'warn'),
      'something failed inside',
      log.lines,
    )
    demand(test.logged.length === 0, 'something failed inside', test.logged)
    test.gateway.close()
  },
}

/** The line as strfry writes it: it has no words and no `by`. */
function written(line: string): string {
  try {
    return JSON.stringify(expanded(JSON.parse(line)))
  } catch {
    return line
  }
}

type Question = ReturnType<typeof readQuestion>

function readOrNone(line: string): Question[] {
  try {
    return [readQuestion(line)]
  } catch {
    return []
  }
}

function demandAnswerTo(question: Question | undefined, answer: string): void {
  demand(answer.endsWith('\n') && answer.indexOf('\n') === answer.length - 1, 'not one line', answer)
  demand(
    Buffer.byteLength(answer) <= MAX_ANSWER_BYTES && !/\p{Surrogate}/u.test(answer),
    'strfry cannot read it',
    answer,
  )
  const { id, action, msg = '' } = JSON.parse(answer)
  demand(id === question?.id, 'an answer to another question', question, answer)
  demand(
    ['accept', 'reject', 'shadowReject'].includes(action) && typeof msg === 'string',
    'no action',
    answer,
  )
  const isKeyPackage = KINDS.includes(question?.kind)
  demand(!isKeyPackage || action !== 'accept', 'strfry keeps a key package (I4)', question, answer)
}
