/** strfry's write policy (its docs/plugins.md): what becomes of each event that strfry asks about. */

import type { Readable } from 'node:stream'
import type { Logger } from '../../plugin/context.ts'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import { concernsGateway } from '../../plugin/lifecycle/author-events.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { eachLine } from './strfry/lines.ts'
import type { OperatorPolicy } from './strfry/operator-policy.ts'
import { type Decision, type Question, readQuestion, writeAnswer } from './strfry/protocol.ts'

export interface WritePolicySettings {
  /** The key package kinds that the gateway takes over. */
  readonly kinds: readonly number[]
  /** Called with the first event that concerns the gateway: starting without it is fast. */
  readonly openGateway: () => Promise<Pick<KeyPackageGateway, 'accept'>>
  /** Is asked first about every event; what it does not accept goes no further. */
  readonly operator?: Pick<OperatorPolicy, 'decide'>
}

const ACCEPTED: Decision = { action: 'accept', message: '' }
const HELD_BACK: Decision = { action: 'reject', message: 'blocked: key packages cannot be synchronised' }

export class WritePolicy {
  readonly #settings: WritePolicySettings
  #gateway: ReturnType<WritePolicySettings['openGateway']> | undefined

  constructor(settings: WritePolicySettings) {
    this.#settings = settings
  }

  /** No promise where the answer is known at once, as it is for most events. */
  decide(question: Question): Decision | Promise<Decision> {
    const { operator } = this.#settings
    if (operator === undefined) return this.#decideForGateway(question)
    return operator
      .decide(question)
      .then((decision) => (decision.action === 'accept' ? this.#decideForGateway(question) : decision))
  }

  #decideForGateway(question: Question): Decision | Promise<Decision> {
    const { kind, source } = question
    const { kinds } = this.#settings
    if (source === 'stored') return kinds.includes(kind) ? HELD_BACK : ACCEPTED
    return concernsGateway(kind, kinds) ? this.#ask(question) : ACCEPTED
  }

  async #ask({ event, source, address, authenticated }: Question): Promise<Decision> {
    this.#gateway ??= this.#settings.openGateway()
    const gateway = await this.#gateway
    const isVerified = source === 'client'
    const acceptance = await gateway.accept(event as SignedEvent, { address, authenticated, isVerified })
    switch (acceptance.outcome) {
      case 'forward':
        return ACCEPTED
      case 'done':
        return { action: 'shadowReject', message: acceptance.message }
      case 'refused':
        return { action: 'reject', message: acceptance.message }
    }
  }
}

/** Answers each line in its turn, until there are no more. */
export function answerQuestions(
  input: Readable,
  policy: WritePolicy,
  write: (answer: string) => void,
  log: Logger,
): Promise<void> {
  return eachLine(input, (line) => {
    const question = understand(line, log)
    if (question === undefined) return undefined
    const answer = (decision: Decision) => write(writeAnswer(question.id, decision))
    const decision = policy.decide(question)
    return decision instanceof Promise ? decision.then(answer) : void answer(decision)
  })
}

/** What cannot be answered is logged, but nothing of it, because it may hold a key package (I4). */
function understand(line: string, log: Logger): Question | undefined {
  try {
    return readQuestion(line)
  } catch (error) {
    log.warn({ err: error }, 'strfry wrote a line that cannot be answered')
    return undefined
  }
}
