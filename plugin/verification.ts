/**
 * Verifies the signatures of what clients send: off the main thread where that is possible, and by address in turn, because
 * a signature costs more than anything else a client may ask for (I9).
 */

import { FairQueue } from './fair-queue.ts'
import type { KeyPackage } from './key-package/decode.ts'
import { verifySignatures } from './key-package/signatures.ts'
import type { SignatureQuestion } from './key-package/validate.ts'
import type { SignedEvent } from './nostr/messages.ts'

/**
 * Whether an event's id and signature are valid. One that returns a promise works elsewhere, such as in another thread, and
 * is given several events at a time.
 */
export type VerifyEvent = (event: SignedEvent) => boolean | Promise<boolean>

/** Whose signatures are verified. */
export interface Signatory {
  /** The network address as quotas count it (`addressKey`); undefined if unknown. */
  readonly address?: string | undefined
  /** Called for each signature that is wrong. */
  readonly onBadSignature?: (() => void) | undefined
}

/** How many signatures are being verified, and how many wait for that. */
export interface VerificationLoad {
  readonly checksUnderWay: number
  readonly checksWaiting: number
}

/** Enough to keep a few threads busy, and not so many that a client waits long behind those that have begun. */
const MAX_UNDER_WAY = 16

export class Verification {
  readonly #verifyEvent: VerifyEvent
  readonly #queue = new FairQueue(MAX_UNDER_WAY)

  constructor(verifyEvent: VerifyEvent) {
    this.#verifyEvent = verifyEvent
  }

  event(event: SignedEvent, signatory: Signatory): Promise<boolean> {
    return this.#verify(signatory, () => this.#verifyEvent(event))
  }

  /** Whether both signatures of a KeyPackage are valid (RFC 9420 section 10.1). */
  keyPackage(keyPackage: KeyPackage, signatory: Signatory): Promise<boolean> {
    return this.#verify(signatory, () => verifySignatures(keyPackage))
  }

  /** What the checks of a key package ask. */
  answer(question: SignatureQuestion, signatory: Signatory): Promise<boolean> {
    return question.of === 'event'
      ? this.event(question.event, signatory)
      : this.keyPackage(question.keyPackage, signatory)
  }

  load(): VerificationLoad {
    return { checksUnderWay: this.#queue.underWay, checksWaiting: this.#queue.waiting }
  }

  async #verify(
    { address = '', onBadSignature }: Signatory,
    verify: () => boolean | Promise<boolean>,
  ): Promise<boolean> {
    const isValid = await this.#queue.run(address, verify)
    if (!isValid) onBadSignature?.()
    return isValid
  }
}
