/** Reads the upstream relay's information document (NIP-11) for those who do not ask for it through the proxy. */

import { NOSTR_JSON } from '../server/relay-information.ts'

const TIMEOUT_MS = 5_000
const MAX_DOCUMENT_BYTES = 1_048_576

/** Undefined if the relay has none, or does not answer in time. Never rejects. */
export async function upstreamInformation(upstream: string): Promise<unknown> {
  try {
    const answer = await fetch(upstream.replace(/^ws/i, 'http'), {
      headers: { accept: NOSTR_JSON },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    return answer.ok ? JSON.parse(await textOf(answer)) : undefined
  } catch {
    return undefined
  }
}

/** Rejects a body that is too long for a NIP-11 document. */
async function textOf(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer.body ?? []) {
    length += chunk.length
    if (length > MAX_DOCUMENT_BYTES) throw new Error('the information document is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
