/** strfry's write-policy protocol (its docs/plugins.md): one line of JSON asks about an event, one line answers. */

import { isLoopback } from '../../../plugin/network-address.ts'
import { parseJson } from '../../../plugin/nostr/messages.ts'

/** Longest line that strfry reads from a plugin (`setMaxRecordSize` in its PluginEventSifter.h). */
export const MAX_ANSWER_BYTES = 8192
/** A message of this many characters fits in an answer, even if JSON escapes each of them in six bytes. */
const MAX_MESSAGE_LENGTH = 1000
/** Event ids have 64 characters; an answer has no room for one that is much longer. */
const MAX_ID_LENGTH = 128

/**
 * Sources of events from clients, which strfry checks before it asks us. It checks events from other relays afterwards.
 */
const CLIENTS: readonly unknown[] = ['IP4', 'IP6']
/** Sources of stored events that strfry would send to another relay. It writes `?` where it documents `Stored`. */
const STORED: readonly unknown[] = ['Stored', '?']

/** strfry's question what to do with an event. */
export interface Question {
  /** The question as strfry wrote it. */
  readonly line: string
  readonly id: string
  /** NaN where the event has none. */
  readonly kind: number
  /** Unchecked, unless it is from a client. */
  readonly event: unknown
  readonly source: 'client' | 'relay' | 'stored'
  /**
   * The client's network address; undefined where the event is not from a client, or strfry does not know the address.
   */
  readonly address: string | undefined
  /** The pubkey that the client has authenticated (NIP-42); strfry sends it for events with a `-` tag. */
  readonly authenticated: readonly string[]
}

/**
 * What strfry does with the event.
 * - `accept`: stores it and sends it to subscribers, after its own checks.
 * - `reject`: answers OK false with the message.
 * - `shadowReject`: answers OK true with the message, and does nothing else.
 */
export interface Decision {
  readonly action: 'accept' | 'reject' | 'shadowReject'
  readonly message: string
}

/** @throws Error saying why the line cannot be answered */
export function readQuestion(line: string): Question {
  const { type, event, sourceType, sourceInfo, authed } = readObject(line)
  if (type !== 'new') throw new Error('not a JSON object of type "new"')
  const { id, kind }: { id?: unknown; kind?: unknown } = Object(event)
  if (typeof id !== 'string' || id.length > MAX_ID_LENGTH) throw new Error('no event with a valid id')
  return {
    line,
    id,
    kind: typeof kind === 'number' ? kind : Number.NaN,
    event,
    source: sourceOf(sourceType),
    address: sourceOf(sourceType) === 'client' ? addressOf(sourceInfo) : undefined,
    authenticated: typeof authed === 'string' ? [authed] : [],
  }
}

/** The line, including `\n`, that answers a question about the event with this id. */
export function writeAnswer(id: string, { action, message }: Decision): string {
  if (message === '') return `${JSON.stringify({ id, action })}\n`
  return `${JSON.stringify({ id, action, msg: shorten(message) })}\n`
}

/** Reads another plugin's answer: the event id, if there is one, and the decision, if strfry would accept it. */
export function readAnswer(line: string): { id?: unknown; decision?: Decision } {
  const { id, action, msg } = readObject(line)
  if (!isAction(action)) return { id }
  return { id, decision: { action, message: typeof msg === 'string' ? msg : '' } }
}

function isAction(action: unknown): action is Decision['action'] {
  return action === 'accept' || action === 'reject' || action === 'shadowReject'
}

/** Anything that is not a JSON object reads as one without properties. */
function readObject(line: string): Record<string, unknown> {
  return Object(parseJson(line))
}

function sourceOf(sourceType: unknown): Question['source'] {
  if (CLIENTS.includes(sourceType)) return 'client'
  return STORED.includes(sourceType) ? 'stored' : 'relay'
}

/**
 * A loopback address belongs to a reverse proxy in front of a strfry whose `realIpHeader` is not set: it says nothing about
 * the client.
 */
function addressOf(sourceInfo: unknown): string | undefined {
  if (typeof sourceInfo !== 'string' || sourceInfo === '') return undefined
  return isLoopback(sourceInfo) ? undefined : sourceInfo
}

/** Replaces lone surrogates, which are not valid UTF-8: strfry could not read the line. */
function shorten(message: string): string {
  return message.slice(0, MAX_MESSAGE_LENGTH).replace(/\p{Surrogate}/gu, '\uFFFD')
}
