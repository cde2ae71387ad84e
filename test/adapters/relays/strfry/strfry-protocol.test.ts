/** Which lines the plugin answers, in which order and format, and which it skips (strfry's docs/plugins.md). */

import { describe, expect, it } from '@jest/globals'
import type { Decision, Question } from '../../../../adapters/relays/strfry/protocol.ts'
import type { SignedEvent } from '../../../../plugin/nostr/messages.ts'
import { keyPackagesOf } from '../../../support/gateway.ts'
import { person } from '../../../support/people.ts'
import { questionAbout } from '../../../support/strfry.ts'
import { eventOf, openPolicy } from '../../../support/strfry-policy.ts'

const note = eventOf(1)
const [keyPackage] = (await keyPackagesOf(person('alice'), 1)) as [SignedEvent]

describe('answers', () => {
  it('come in the order of the questions, each in one line that strfry can read', async () => {
    const message = `error: ${'\u0001'.repeat(9000)}`
    const decide = async ({ id }: Question): Promise<Decision> => ({
      action: 'reject',
      message: id === note.id ? message : 'half a \ud83d pair',
    })
    const strfry = openPolicy({}, { operator: { decide } })
    const [first, second] = await strfry.tell(questionAbout(note) + questionAbout(keyPackage))
    expect(Buffer.byteLength(first ?? '')).toBeLessThan(8192)
    expect(JSON.parse(first ?? '')).toMatchObject({ id: note.id, msg: message.slice(0, 1000) })
    expect(second).toBe(
      `${JSON.stringify({ id: keyPackage.id, action: 'reject', msg: 'half a \ufffd pair' })}\n`,
    )
  })

  it('are given for malformed events too: strfry checks those of other relays only afterwards (I9)', async () => {
    const strfry = openPolicy()
    for (const kind of [443, '443', null, { valueOf: 1, toString: 1 }, -1, undefined]) {
      const { action } = await strfry.ask({ id: 'x', kind, tags: 3 }, { sourceType: 'Stream' })
      expect(action).toBe(kind === 443 ? 'reject' : 'accept')
    }
  })
})

describe('a line that cannot be answered', () => {
  const lines = [
    'secret words',
    '',
    '[]',
    'null',
    '{"type":"lookback","event":{"id":"secret"}}',
    '{"type":"new"}',
    '{"type":"new","event":null}',
    '{"type":"new","event":{"id":7}}',
    `{"type":"new","event":{"id":"${'secret'.repeat(22)}"}}`,
  ]

  it.each(lines)('%j is skipped, and logged without its content (I4)', async (line) => {
    const strfry = openPolicy()
    const answers = await strfry.tell(`${line}\n${questionAbout(note)}`)
    expect(answers.map((answer) => JSON.parse(answer).id)).toEqual([note.id])
    expect(strfry.log.lines).toHaveLength(1)
    expect(strfry.log.lines[0]?.message).toBe('skipped a line from strfry that is not a valid request')
    expect(String(strfry.log.lines[0]?.fields.err)).not.toMatch(/secret/)
  })

  it('ends only at a line feed', async () => {
    const event = eventOf(1, [], 'one\u2028two\u2029three\u0085four')
    const bytes = Buffer.from(questionAbout(event))
    const strfry = openPolicy()
    for (let cut = 0; cut < bytes.length; cut += 7) {
      const answers = await strfry.tell(bytes.subarray(0, cut), bytes.subarray(cut))
      expect(answers).toEqual([`${JSON.stringify({ id: event.id, action: 'accept' })}\n`])
    }
    expect(strfry.log.lines).toEqual([])
  })
})
