/** What must hold of every answer of a session: one for each message, each of them well-formed, and nothing said that forwards what it must not. */

import type { Answer } from '../../plugin/connection.ts'
import { mayBeOfKind } from '../../plugin/nostr/event.ts'
import type { ClientMessage, RelayMessage } from '../../plugin/nostr/messages.ts'
import { isWellFormed } from '../support/well-formed.ts'
import { demand } from './target.ts'

const KINDS = [443, 30443]

/** @throws Error that says what is wrong with the answer to `said` */
export function demandAnswer(
  said: ClientMessage,
  { replies, forward }: Pick<Answer, 'forward'> & Replies,
): void {
  for (const reply of replies) demand(isWellFormed(reply), 'a reply is malformed', said, reply)
  if (forward !== undefined) demandForwardable(said, forward)
  const [verb, subject] = said
  const verbs = replies.map(([reply]) => reply)
  if (verb === 'REQ') demandEnded(said, replies, forward)
  else if (verb === 'EVENT' || verb === 'AUTH') demandOk(subject, said, replies, forward)
  else if (verb !== 'CLOSE') {
    const isAnswered = forward !== undefined || verbs.some((reply) => reply !== 'EVENT' && reply !== 'AUTH')
    demand(isAnswered, 'a message is neither answered nor forwarded', said, replies)
  }
}

interface Replies {
  readonly replies: readonly RelayMessage[]
}

/** NIP-01: a REQ ends with EOSE or CLOSED, from here or from the relay. */
function demandEnded(
  said: ClientMessage,
  replies: readonly RelayMessage[],
  forward: ClientMessage | undefined,
): void {
  const [, id] = said
  const isForwarded = forward?.[0] === 'REQ'
  const ends = replies.filter(([verb]) => verb === 'EOSE' || verb === 'CLOSED')
  const eoses = ends.filter(([verb]) => verb === 'EOSE')
  if (typeof id !== 'string') {
    demand(
      isForwarded || replies.some(([verb]) => verb === 'NOTICE'),
      'a REQ without an id has no answer',
      said,
      replies,
    )
    return
  }
  demand(
    ends.every(([, about]) => about === id),
    'another REQ is ended',
    said,
    replies,
  )
  demand(eoses.length <= 1 && (!isForwarded || ends.length === 0), 'a REQ ends twice', said, replies, forward)
  demand(isForwarded || ends.length > 0, 'a REQ does not end', said, replies)
  if (ends.length > 1) demand(ends[0]?.[0] === 'EOSE', 'EOSE after CLOSED', said, replies)
}

/** NIP-01: each EVENT is answered with one OK, as far as it has an id. */
function demandOk(
  event: unknown,
  said: ClientMessage,
  replies: readonly RelayMessage[],
  forward: ClientMessage | undefined,
): void {
  const oks = replies.filter(([verb]) => verb === 'OK')
  if (forward !== undefined) {
    demand(oks.length === 0, 'what is forwarded is answered too', said, replies)
    return
  }
  const id = typeof event === 'object' && event !== null && 'id' in event ? event.id : undefined
  if (typeof id === 'string')
    demand(oks.length === 1 && oks[0]?.[1] === id, 'there is not one OK', said, replies)
  else
    demand(
      replies.some(([verb]) => verb === 'NOTICE'),
      'an event without an id has no answer',
      said,
      replies,
    )
}

/** The relay gets no key package, and nothing that asks for one. */
function demandForwardable(said: ClientMessage, forward: ClientMessage): void {
  const [verb, , ...filters] = forward
  if (verb === 'EVENT') demand(!mayBeOfKind(forward[1], KINDS), 'a key package is forwarded', said, forward)
  if (verb !== 'REQ' && verb !== 'COUNT' && verb !== 'NEG-OPEN') return
  for (const filter of filters) {
    const kinds = typeof filter === 'object' && filter !== null && 'kinds' in filter ? filter.kinds : []
    const names = Array.isArray(kinds) && kinds.some((kind) => KINDS.includes(Number(kind)))
    demand(!names, 'a key package filter is forwarded (I4)', said, forward)
  }
}
