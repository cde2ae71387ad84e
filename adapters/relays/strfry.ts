/** strfry's write policy: what becomes of each event that strfry asks about (DESIGN.md section 10). */

import type { Readable } from 'node:stream'
import type { Logger } from '../../plugin/context.ts'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import { isAuthorEvent } from '../../plugin/lifecycle/author-events.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { linesOf } from './strfry/lines.ts'
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

  async decide(question: Question): Promise<Decision> {
    const { operator, kinds } = this.#settings
    const decision = operator === undefined ? ACCEPTED : await operator.decide(question)
    if (decision.action !== 'accept') return decision
    const { kind, source } = question
    const isKeyPackage = kinds.includes(kind)
    if (source === 'stored') return isKeyPackage ? HELD_BACK : ACCEPTED
    return isKeyPackage || isAuthorEvent(kind) ? this.#ask(question) : ACCEPTED
  }

  async #ask({ event, source, authenticated }: Question): Promise<Decision> {
    this.#gateway ??= this.#settings.openGateway()
    const gateway = await this.#gateway
    const isVerified = source === 'client'
    const acceptance = await gateway.accept(event as SignedEvent, { authenticated, isVerified })
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
export async function answerQuestions(
  input: Readable,
  policy: WritePolicy,
  write: (answer: string) => void,
  log: Logger,
): Promise<void> {
  for await (const line of linesOf(input)) {
    const question = understand(line, log)
    if (question !== undefined) write(writeAnswer(question.id, await policy.decide(question)))
  }
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
