/** Publishing over HTTP: many key packages, each with the answer that an OK message would give. */

import { kindOf } from '../../../plugin/nostr/event.ts'
import type { RelayMessage } from '../../../plugin/nostr/messages.ts'
import type { RefusalPrefix } from '../../../plugin/nostr/refusal.ts'
import type { ApiSettings } from './api-settings.ts'
import { describe, type TypedApp } from './document.ts'
import { type ExchangeSession, inSession } from './exchange-session.ts'
import { refusalIn, refuse } from './refusals.ts'
import { publishBodySchema, publishedSchema } from './schemas.ts'

interface Publication {
  readonly id: string | null
  readonly accepted: boolean
  readonly message: string
}

export function publishRoutes(app: TypedApp, { gateway, publishing }: ApiSettings): void {
  app.route({
    method: 'POST',
    url: '/packages',
    config: { authentication: 'optional' },
    schema: {
      ...describe({
        id: 'publishKeyPackages',
        tag: 'key packages',
        summary: 'Publish key packages',
        text:
          'Each event is checked as over a WebSocket, in order, and has its own result. Those of one author count in the same ' +
          'quotas. A signed request (NIP-98) is needed for events with a `-` tag (NIP-70), and counts in the quota of its ' +
          "pubkey instead of the address's. Once the store does not answer, the others are not tried. The status is 503 if " +
          'that is so of all, and 429 if all are over a quota.',
        authentication: 'optional',
        refusals: [400, 408, 413, 415, 429, 501, 503],
      }),
      body: publishBodySchema,
      response: { 200: publishedSchema },
    },
    handler: async (request, reply) => {
      if (publishing === 'relay') {
        throw refuse(
          501,
          'restricted',
          'the relay behind this gateway takes key packages; publish them over its WebSocket',
        )
      }
      const { events } = request.body
      const bytesOfEach = (request.rawBody?.length ?? 0) / events.length
      return inSession(gateway, request, reply, async (session) => {
        const results: Publication[] = []
        for (const event of events) {
          const down = results.find(({ message }) => isAbout(message, 'error'))
          if (session.isGone) break
          await request.turn(bytesOfEach)
          // Each of hundreds would wait for the store in turn.
          if (down === undefined) results.push(await publish(event, session, gateway.options.kinds))
          else results.push({ ...down, id: idOf(event) })
        }
        refuseIfAll('error', results)
        refuseIfAll('rate-limited', results)
        return { results }
      })
    },
  })
}

async function publish(
  event: unknown,
  session: ExchangeSession,
  kinds: readonly number[],
): Promise<Publication> {
  const kind = kindOf(event)
  if (kind !== undefined && !kinds.includes(kind)) {
    const message = `invalid: only key packages (kinds ${kinds.join(', ')}) are published here`
    return { id: idOf(event), accepted: false, message }
  }
  const { replies } = await session.ask('EVENT', event)
  return publicationIn(replies, event)
}

/** What the replies to an EVENT say; a NOTICE answers what has no id. */
export function publicationIn(replies: readonly RelayMessage[], event: unknown): Publication {
  const id = idOf(event)
  for (const [verb, subject, accepted, message] of replies) {
    if (verb === 'OK') return { id, accepted: accepted === true, message: String(message) }
    if (verb === 'NOTICE') return { id, accepted: false, message: String(subject) }
  }
  return { id, accepted: false, message: 'error: the event was not answered' }
}

/** The id, if it can be one. */
function idOf(event: unknown): string | null {
  if (typeof event !== 'object' || event === null || !('id' in event)) return null
  const { id } = event
  return typeof id === 'string' && /^[0-9a-f]{64}$/.test(id) ? id : null
}

/** What refuses every event refuses the request. @throws Refusal */
function refuseIfAll(prefix: RefusalPrefix, results: readonly Publication[]): void {
  const [first] = results
  if (first !== undefined && results.every(({ message }) => isAbout(message, prefix)))
    throw refusalIn(first.message)
}

function isAbout(message: string, prefix: RefusalPrefix): boolean {
  return message.startsWith(`${prefix}: `)
}
