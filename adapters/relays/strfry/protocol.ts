/** strfry's write-policy protocol (its docs/plugins.md): one line asks about an event, one line answers. */

/** Longest line that strfry reads from a plugin, in bytes (`setMaxRecordSize` in its PluginEventSifter.h). */
export const LONGEST_ANSWER = 8192
/** Characters of a message that fit with all the rest, even where JSON writes each in six bytes. */
const LONGEST_MESSAGE = 1000
/** Of an event id there are 64; an answer could not carry one that is much longer. */
const LONGEST_ID = 128

/** strfry is asked by a client; it has checked the event before it asks us. Events from other relays it checks after. */
const CLIENTS: readonly unknown[] = ['IP4', 'IP6']
/** strfry asks whether an event that it has may go to another relay. It writes `?` where it documents `Stored`. */
const STORED: readonly unknown[] = ['Stored', '?']

/** What strfry wants to know: what to do with this event. */
export interface Question {
  /** As strfry wrote it. */
  readonly line: string
  readonly id: string
  /** NaN where it has none. */
  readonly kind: number
  /** Of any shape, unless it is from a client. */
  readonly event: unknown
  readonly source: 'client' | 'relay' | 'stored'
  /** The client's network address; undefined where the event is from no client, or strfry does not know whom it is from. */
  readonly address: string | undefined
  /** The pubkey that the client has authenticated (NIP-42); strfry tells it for events with a `-` tag. */
  readonly authenticated: readonly string[]
}

/**
 * What strfry does with the event.
 * - `accept`: stores it and sends it on, after checks of its own.
 * - `reject`: answers OK false with the message.
 * - `shadowReject`: answers OK true with the message, and does nothing else.
 */
export interface Decision {
  readonly action: 'accept' | 'reject' | 'shadowReject'
  readonly message: string
}

/** @throws Error saying why it is none that can be answered */
export function readQuestion(line: string): Question {
  const { type, event, sourceType, sourceInfo, authed } = readObject(line)
  if (type !== 'new') throw new Error('it is no JSON object of type "new"')
  const { id, kind }: { id?: unknown; kind?: unknown } = Object(event)
  if (typeof id !== 'string' || id.length > LONGEST_ID) throw new Error('it has no event with an id')
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

/** The line, `\n` included, that answers a question about the event with this id. */
export function writeAnswer(id: string, { action, message }: Decision): string {
  if (message === '') return `${JSON.stringify({ id, action })}\n`
  return `${JSON.stringify({ id, action, msg: shorten(message) })}\n`
}

/** What another plugin wrote: about which event, if it is an answer, and the decision, if strfry would take it. */
export function readAnswer(line: string): { id?: unknown; decision?: Decision } {
  const { id, action, msg } = readObject(line)
  if (!isAction(action)) return { id }
  return { id, decision: { action, message: typeof msg === 'string' ? msg : '' } }
}

function isAction(action: unknown): action is Decision['action'] {
  return action === 'accept' || action === 'reject' || action === 'shadowReject'
}

/** What is no JSON object has no properties either. */
function readObject(line: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(line))
  } catch {
    return {}
  }
}

function sourceOf(sourceType: unknown): Question['source'] {
  if (CLIENTS.includes(sourceType)) return 'client'
  return STORED.includes(sourceType) ? 'stored' : 'relay'
}

/** A loopback address is that of a reverse proxy in front of strfry, whose `realIpHeader` is not set: it says nothing of the client. */
function addressOf(sourceInfo: unknown): string | undefined {
  if (typeof sourceInfo !== 'string' || sourceInfo === '') return undefined
  return /^(127\.|::1$)/.test(sourceInfo) ? undefined : sourceInfo
}

/** Half a surrogate pair is no UTF-8: strfry could not read the line. */
function shorten(message: string): string {
  return message.slice(0, LONGEST_MESSAGE).replace(/\p{Surrogate}/gu, '\uFFFD')
}
