/** strfry's write policy (its docs/plugins.md): decides what strfry does with each event. */

import type { Readable } from 'node:stream'
import type { Logger } from '../../../plugin/context.ts'
import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import { concernsGateway } from '../../../plugin/lifecycle/author-events.ts'
import { isPrivate } from '../../../plugin/network-address.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { forEachLine } from './line-reader.ts'
import type { OperatorPolicy } from './operator-policy.ts'
import { type Decision, type Question, readQuestion, writeAnswer } from './protocol.ts'

export interface WritePolicySettings {
  /** The key package kinds that the gateway handles. */
  readonly kinds: readonly number[]
  /** Called with the first event that concerns the gateway, so that the plugin starts fast. */
  readonly openGateway: () => Promise<Pick<KeyPackageGateway, 'accept'>>
  /** The operator's own policy, asked first about every event; the gateway sees only what it accepts. */
  readonly operator?: Pick<OperatorPolicy, 'decide'>
}

const ACCEPTED: Decision = { action: 'accept', message: '' }
const NOT_SYNCED: Decision = {
  action: 'reject',
  message: 'blocked: key packages are not sent to other relays',
}

export class WritePolicy {
  readonly #settings: WritePolicySettings
  #gateway: ReturnType<WritePolicySettings['openGateway']> | undefined

  constructor(settings: WritePolicySettings) {
    this.#settings = settings
  }

  /** Not a promise where the decision is known at once, as it is for most events. */
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
    if (source === 'stored') return kinds.includes(kind) ? NOT_SYNCED : ACCEPTED
    return concernsGateway(kind, kinds) ? this.#askGateway(question) : ACCEPTED
  }

  async #askGateway({ event, source, address, authenticated }: Question): Promise<Decision> {
    this.#gateway ??= this.#settings.openGateway()
    const gateway = await this.#gateway
    const isVerified = source === 'client'
    const publication = await gateway.accept(event as SignedEvent, { address, authenticated, isVerified })
    if (publication.outcome === 'forward') return ACCEPTED
    const { accepted, message } = publication
    return { action: accepted ? 'shadowReject' : 'reject', message }
  }
}

/** Answers each line in order, until the input ends. */
export function answerQuestions(
  input: Readable,
  policy: WritePolicy,
  write: (answer: string) => void,
  log: Logger,
): Promise<void> {
  let hasWarned = false
  const warnOnce = (address: string) => {
    if (hasWarned) return
    hasWarned = true
    log.warn(
      { address },
      'strfry gives the private address of a client; if it is that of a reverse proxy, all clients behind it count as one for ' +
        'limits by address: set realIpHeader in strfry.conf',
    )
  }
  return forEachLine(input, (line) => {
    const question = parse(line, log)
    if (question === undefined) return undefined
    if (question.address !== undefined && isPrivate(question.address)) warnOnce(question.address)
    const answer = (decision: Decision) => write(writeAnswer(question.id, decision))
    const decision = policy.decide(question)
    return decision instanceof Promise ? decision.then(answer) : void answer(decision)
  })
}

/** Logs that a line was skipped, but none of its content, because it may hold a key package (I4). */
function parse(line: string, log: Logger): Question | undefined {
  try {
    return readQuestion(line)
  } catch (error) {
    log.warn({ err: error }, 'skipped a line from strfry that is not a valid request')
    return undefined
  }
}
