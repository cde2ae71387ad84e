/** What must hold of a key package event that the gateway has accepted: it is what a receiver with another MLS library takes. */

import { getCiphersuiteFromName, getCiphersuiteImpl, nobleCryptoProvider } from 'ts-mls'
import { encodeKeyPackage, verifyKeyPackage as verifySignature } from 'ts-mls/keyPackage.js'
import { verifyLeafNodeSignatureKeyPackage } from 'ts-mls/leafNode.js'
import { getKeyPackageBytes } from '../../adapters/client/events.ts'
import { readKeyPackage } from '../../adapters/client/mls.ts'
import { verifyKeyPackage } from '../../adapters/client/verify.ts'
import { decodeKeyPackage, MLS10 } from '../../plugin/key-package/decode.ts'
import { defaultEncoding, isEncoding, readContent } from '../../plugin/key-package/encoding.ts'
import { restoreSignedEvent } from '../../plugin/key-package/restore.ts'
import { readTags } from '../../plugin/key-package/tags.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { demand } from './target.ts'

/**
 * Rejects where ts-mls, or our own client, would not take an event that the gateway accepted. ts-mls has no name for versions but
 * mls10, and reads no leaf whose capabilities name others, which receivers must ignore (RFC 9420 section 13).
 */
export async function demandReceivable(event: SignedEvent, now: number): Promise<void> {
  const encoding = readTags(event).encodings[0] ?? defaultEncoding(event.kind)
  const content = isEncoding(encoding) ? readContent(event.content, encoding).bytes : Buffer.alloc(0)
  const { leafNode: decoded } = decodeKeyPackage(content)
  if (decoded.capabilities.versions.some((version) => version !== MLS10)) return
  const { kind, pubkey } = event
  // A copy, without the mark with which nostr-tools remembers that it has verified an event.
  const received: unknown = JSON.parse(JSON.stringify(event))
  await verifyKeyPackage(received, { relay: '', kinds: [kind], authors: [pubkey], now: now * 1000 })
  const { keyPackage, bytes } = readKeyPackage(getKeyPackageBytes(event))
  demand(
    Buffer.from(encodeKeyPackage(keyPackage)).equals(bytes),
    'ts-mls writes the package otherwise',
    event,
  )
  const { signature } = await getCiphersuiteImpl(
    getCiphersuiteFromName(keyPackage.cipherSuite),
    nobleCryptoProvider,
  )
  demand(await verifySignature(keyPackage, signature), 'ts-mls finds the signature wrong', event)
  const { leafNode } = keyPackage
  demand(
    await verifyLeafNodeSignatureKeyPackage(leafNode, signature),
    "ts-mls finds the leaf's signature wrong",
    event,
  )
}

/** @throws Error where a delivered event is not the published one, but for its encoding (I8) */
export function demandSame(delivered: SignedEvent, published: SignedEvent): void {
  for (const field of ['id', 'pubkey', 'created_at', 'kind', 'sig'] as const)
    demand(
      delivered[field] === published[field],
      `${field} has changed in delivery (I8)`,
      delivered,
      published,
    )
  const { content, tags } = restoreSignedEvent(delivered)
  const isSame = content === published.content && JSON.stringify(tags) === JSON.stringify(published.tags)
  demand(isSame, 'a delivered event cannot be restored (I8)', delivered, published)
}
