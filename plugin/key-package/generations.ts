/** Which clients of others accept a key package event: for each generation, whether its receivers do, and why not. */

import type { SignedEvent } from '../nostr/messages.ts'
import type { Draft } from './checks.ts'
import { codeOf, LAST_RESORT, NOSTR_GROUP_DATA } from './codes.ts'
import { isMessage } from './decode.ts'
import { KEY_PACKAGE_KIND, SLOT_KIND } from './kinds.ts'
import { marmotFaults } from './marmot.ts'
import { type Explanation, explainKeyPackage, type RulesHere } from './validate.ts'

/** Whether receivers of one generation accept an event. */
export interface Reception {
  /** By the specification that its clients implement; `marmot` is that of July 2026 and later. */
  readonly generation: 'nip-ee' | 'mip-00' | 'marmot'
  readonly accepted: boolean
  /** Every reason against it. */
  readonly reasons: readonly string[]
}

/** Marmot's group data and last_resort: MIP-00 wants both in the tag. */
const MIP_EXTENSIONS = [NOSTR_GROUP_DATA, LAST_RESORT]

const GENERATIONS = [
  { generation: 'nip-ee', faults: nipFaults },
  { generation: 'mip-00', faults: mipFaults },
  { generation: 'marmot', faults: slotFaults },
] as const

/**
 * Runs the checks as receivers do, who know no operator's settings.
 * @param verifyEvent verifies id and signature
 * @param now seconds since the epoch
 */
export function explainForReceivers(
  event: SignedEvent,
  verifyEvent: (event: SignedEvent) => boolean,
  now: number,
): Explanation {
  const rules: RulesHere = {
    kinds: [KEY_PACKAGE_KIND, SLOT_KIND],
    validation: {
      mls: 'verify',
      tags: 'lenient',
      requireLastResort: false,
      ciphersuites: [1, 2, 3, 4, 5, 6, 7],
      maxBytes: Number.POSITIVE_INFINITY,
    },
    stock: { ttlSeconds: Number.POSITIVE_INFINITY },
    authenticatedAs: new Set([event.pubkey]),
    verifyEvent,
  }
  return explainKeyPackage(event, rules, now)
}

/** The verdict of each generation on what `explainForReceivers` found. */
export function receptions({ checks, draft }: Explanation): Reception[] {
  const common = checks.flatMap((check) => (check.outcome === 'refused' ? [check.refusal.reason] : []))
  return GENERATIONS.map(({ generation, faults }) => {
    const reasons = [...new Set([...common, ...faults(draft)])]
    return { generation, accepted: reasons.length === 0, reasons }
  })
}

function nipFaults({ event }: Draft): string[] {
  return event.kind === KEY_PACKAGE_KIND ? [] : ['its clients ask for kind 443 alone']
}

function mipFaults({ event, tags, content }: Draft): string[] {
  const extensions = event.tags.find(([name]) => name === 'mls_extensions')?.map(codeOf) ?? []
  const faults: readonly [isBroken: boolean, why: string][] = [
    [tags.encodings[0] !== 'base64', 'the tag ["encoding","base64"] is required'],
    [
      content !== undefined && content.form !== 'base64',
      'content must be base64 in the standard alphabet, with padding',
    ],
    [
      content !== undefined && isMessage(content.bytes),
      'content must be the bare KeyPackage, not an MLSMessage',
    ],
    [tags.protocolVersions[0] !== '1.0', 'the tag ["mls_protocol_version","1.0"] is required'],
    [!event.tags.some(([name]) => name === 'mls_ciphersuite'), 'an mls_ciphersuite tag is required'],
    [
      !MIP_EXTENSIONS.every((code) => extensions.includes(code)),
      'the mls_extensions tag must have 0xf2ee and 0x000a',
    ],
    [tags.relays.length === 0, 'a relays tag is required'],
  ]
  return faults.flatMap(([isBroken, why]) => (isBroken ? [why] : []))
}

function slotFaults(draft: Draft): string[] {
  return draft.event.kind === SLOT_KIND ? marmotFaults(draft) : ['its clients ask for kind 30443 alone']
}
