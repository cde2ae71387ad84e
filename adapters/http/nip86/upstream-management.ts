/** The relay behind, as far as an admin's requests are passed on to it: with the bytes and the authorisation that they signed. */

import type { IncomingMessage } from 'node:http'
import { listsNip86, type RelayDone, type RelayReply, readReply } from './relays-answer.ts'

/** Sends a request to the relay behind, at its own URL. Rejects if it does not answer. */
type AskRelay = (request: {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer
}) => Promise<RelayReply>

/** Of a call and its answer (NIP-86). */
export const MEDIA_TYPE = 'application/nostr+json+rpc'

/** What an admin has signed. */
export interface Order {
  readonly request: IncomingMessage
  readonly body: Buffer
  readonly address: string
}

export interface UpstreamManagementSettings {
  readonly ask: AskRelay
  readonly publicUrl: string | undefined
  /** Seconds since the epoch. */
  readonly now: () => number
}

/** For how long it is not asked again whether it has NIP-86; less if it did not answer. */
const KNOWN_SECONDS = 60
const FAILED_SECONDS = 5

export class UpstreamManagement {
  readonly #settings: UpstreamManagementSettings
  #known: { readonly hasIt: Promise<boolean>; readonly at: number } | undefined

  constructor(settings: UpstreamManagementSettings) {
    this.#settings = settings
  }

  /** Whether its NIP-11 document says so. False if it does not answer. Never rejects. */
  hasNip86(): Promise<boolean> {
    const { ask, now } = this.#settings
    const at = now()
    if (this.#known !== undefined && Math.abs(at - this.#known.at) < KNOWN_SECONDS) return this.#known.hasIt
    const headers = { accept: 'application/nostr+json', ...this.#hostHeaders('') }
    const hasIt = ask({ method: 'GET', headers }).then(listsNip86, () => {
      this.#known = { hasIt, at: at - KNOWN_SECONDS + FAILED_SECONDS }
      return false
    })
    this.#known = { hasIt, at }
    return hasIt
  }

  /** Passes an order on. Never rejects. */
  async tell(order: Order): Promise<RelayDone> {
    try {
      return readReply(await this.#post(order))
    } catch (error) {
      return { outcome: 'failed', reason: `it did not answer: ${(error as Error).message}` }
    }
  }

  #post({ request, body, address }: Order): Promise<RelayReply> {
    const { authorization = '', host = '' } = request.headers
    // Only what the relay needs: no header of the request can mean something else to the relay than to us.
    const headers = {
      authorization,
      'content-type': MEDIA_TYPE,
      'content-length': String(body.length),
      // Some relays know such a request by this, and compare it as a whole.
      accept: MEDIA_TYPE,
      'x-forwarded-for': address,
      'x-real-ip': address,
      ...this.#hostHeaders(host),
    }
    return this.#settings.ask({ method: 'POST', headers, body })
  }

  /** Where the admin's URL leads: a relay that believes its proxy compares the `u` tag with these. */
  #hostHeaders(otherwise: string): Readonly<Record<string, string>> {
    const { publicUrl } = this.#settings
    if (publicUrl === undefined) return otherwise === '' ? {} : { host: otherwise }
    const { host, protocol } = new URL(publicUrl)
    return {
      host,
      'x-forwarded-host': host,
      'x-forwarded-proto': protocol === 'wss:' ? 'https' : 'http',
    }
  }
}
