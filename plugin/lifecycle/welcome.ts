/** An unwrapped welcome (kind 444): it is refused, but shows which key package its sender uses. */

import type { GatewayContext } from '../context.ts'
import type { SignedEvent } from '../nostr/messages.ts'
import type { Sender } from '../publish/sender.ts'
import type { Claim } from '../store.ts'

export const WELCOME_KIND = 444

/**
 * A package that the sender claimed is already spent or exposed, unless its claim was released because nothing was sent.
 * In that case they have the package from another relay, and it is claimed for them again: spent, or exposed if it is the
 * last (I1, I2). Other senders change nothing, or anybody could use up an author's stock this way.
 */
export async function noteWelcome(
  context: GatewayContext,
  { tags }: SignedEvent,
  { requester }: Sender,
): Promise<void> {
  if (requester === undefined) return
  const { store, policy, released, log, recorder, now } = context
  const ids = tags.flatMap(([name, id]) => (name === 'e' && id !== undefined ? [id] : []))
  const claims = released.take(requester, ids, now()).map(({ author, id, kind }): Claim => {
    // The query was already counted, so this claim counts in a window of its own.
    const counted = `welcome ${id}`
    return {
      author,
      requester: counted,
      address: counted,
      maximum: 1,
      narrowings: [{ kinds: [kind], ids: [id] }],
    }
  })
  if (claims.length === 0) return
  try {
    const outcomes = await store.claim(claims, { ...policy, redeliverySeconds: 0 }, now())
    recorder.claimed(
      claims.map((claim) => ({ ...claim, requester })),
      outcomes,
    )
  } catch (error) {
    log.error({ err: error }, 'the store failed to mark a released key package as used')
  }
}
