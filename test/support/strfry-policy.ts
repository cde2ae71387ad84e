/** strfry's write policy in this process, on a gateway with a store in memory, and strfry to ask it. */

import { PassThrough } from 'node:stream'
import {
  answerQuestions,
  WritePolicy,
  type WritePolicySettings,
} from '../../adapters/relays/strfry/write-policy.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import { type StoreChanges, startGateway, type TestGateway } from './gateway.ts'
import { NOW, signEvent } from './key-packages.ts'
import { testLog } from './log.ts'
import { person } from './people.ts'
import { type QuestionSettings, questionAbout, type StrfryAnswer } from './strfry.ts'

interface OpenSettings extends Partial<WritePolicySettings> {
  readonly store?: StoreChanges
}

export function openPolicy(options: OptionsInput = {}, { store, ...settings }: OpenSettings = {}) {
  const test: TestGateway = startGateway(options, store)
  const { kinds } = test.gateway.options
  const policy = new WritePolicy({ kinds, openGateway: async () => test.gateway, ...settings })
  const log = testLog()
  const tell = async (...chunks: readonly (string | Buffer)[]): Promise<string[]> => {
    const input = new PassThrough()
    const answers: string[] = []
    const answering = answerQuestions(input, policy, (answer) => answers.push(answer), log)
    for (const chunk of chunks) input.write(chunk)
    input.end()
    await answering
    return answers
  }
  const ask = async (event: unknown, about?: QuestionSettings): Promise<StrfryAnswer> => {
    const [answer = ''] = await tell(questionAbout(event, about))
    return JSON.parse(answer)
  }
  return { test, log, tell, ask }
}

/** An event of Alice's. */
export function eventOf(kind: number, tags: string[][] = [], content = ''): SignedEvent {
  return signEvent(person('alice').secretKey, { kind, created_at: NOW, tags, content })
}
