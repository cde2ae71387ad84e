/** Reads what the scripts return. */

import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { ClaimOutcome, Exposure, StoredKeyPackage } from '../../../plugin/store.ts'
import { decodeRow } from './row.ts'

/** What claim.lua returns for one claim. */
export type ClaimReply =
  | readonly ['none']
  | readonly ['limited', by: 'perAuthor' | 'perAddress', retryAfterSeconds: number]
  | readonly ['delivered', remaining: number, lastUsed: 0 | 1, ...rowsAndExposures: string[]]
  | readonly ['failed', why: string]

export function decodeClaim(
  author: Pubkey,
  reply: Exclude<ClaimReply, readonly ['failed', string]>,
): ClaimOutcome {
  const [outcome, ...details] = reply
  if (outcome === 'none') return { outcome }
  if (outcome === 'limited') {
    const [by, retryAfterSeconds] = details as ['perAuthor' | 'perAddress', number]
    return { outcome, by, retryAfterSeconds }
  }
  const [remaining, lastUsed, ...rowsAndExposures] = details as [number, 0 | 1, ...string[]]
  const packages: StoredKeyPackage[] = []
  for (let index = 0; index < rowsAndExposures.length; index += 2) {
    const exposure = exposureOf(rowsAndExposures[index + 1] ?? '')
    packages.push(decodeRow(author, rowsAndExposures[index] ?? '', exposure))
  }
  return { outcome, packages, remaining, lastUsed: lastUsed === 1 }
}

/** @param reply of list.lua */
export function decodeList(author: Pubkey, reply: unknown): StoredKeyPackage[] {
  const [exposures, ...rows] = reply as [string | null, ...string[]]
  const exposed: Record<string, [since: number, count: number]> = JSON.parse(exposures || '{}')
  return rows.map((row) => {
    const pkg = decodeRow(author, row)
    const exposure = exposed[pkg.id]
    return exposure === undefined ? pkg : { ...pkg, exposure: { since: exposure[0], count: exposure[1] } }
  })
}

/** `since:count`, or nothing. */
function exposureOf(text: string): Exposure | undefined {
  if (text === '') return undefined
  const [since, count] = text.split(':')
  return { since: Number(since), count: Number(count) }
}
