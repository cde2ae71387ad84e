/** Who calls: the address, and the pubkey that has signed the request (NIP-98), before any handler sees it. */

import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { costOfJson } from '../../../plugin/json-cost.ts'
import { type Pubkey, parseJson } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { bodyProblem, readBody } from '../body.ts'
import { type Authorisation, requestUrl, type Signature } from '../nip98.ts'
import { authorisationProblem } from '../problem.ts'
import type { Exchange } from '../routing.ts'
import type { ApiSettings } from './api-settings.ts'
import { RequestRefused } from './refusals.ts'

/**
 * Whether a route needs an authenticated pubkey. `optional`: it makes a difference. `ignored`: everybody gets the same answer, and
 * no signature is looked at.
 */
export type Authentication = 'required' | 'optional' | 'ignored'

declare module 'fastify' {
  interface FastifyContextConfig {
    authentication?: Authentication
  }
  interface FastifyRequest {
    /** The client's network address. */
    address: string
    /** Counts a wrong signature of the client. */
    onBadSignature: () => void
    /** Resolves when it is the client's turn to have so many bytes handled (I9). */
    turn: (bytes: number) => Promise<void>
    /** It has sent so many that nothing more of the request is looked at. */
    isUntrusted: boolean
    signature: Signature
    authorisation: Authorisation
    rawBody: Buffer | undefined
  }
}

export interface CallerSettings extends Pick<ApiSettings, 'auth' | 'publicUrl' | 'maxBodyBytes'> {
  readonly exchangeOf: (request: IncomingMessage) => Exchange | undefined
}

const ABSENT = { outcome: 'absent' } as const

/** Has each request authenticated: its headers before the body is read, then the body. */
export function addCallers(
  app: FastifyInstance,
  { auth, publicUrl, exchangeOf, maxBodyBytes }: CallerSettings,
): void {
  app.decorateRequest('address', '')
  app.decorateRequest('onBadSignature')
  app.decorateRequest('turn')
  app.decorateRequest('isUntrusted', false)
  app.decorateRequest('signature')
  app.decorateRequest('authorisation')
  app.decorateRequest('rawBody')
  app.addHook('onRequest', async (request) => {
    const { address = '', client } = exchangeOf(request.raw) ?? {}
    request.address = address
    request.onBadSignature = async () => {
      if ((await client?.countWrongSignature()) === 'too many') request.isUntrusted = true
    }
    request.turn = async (bytes) => client?.turn(bytes)
    await request.turn(0)
    request.signature = await signatureOf(request)
    request.authorisation = ABSENT
    demand(request, request.signature.outcome === 'signed' ? undefined : request.signature)
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
    const read = await readBody(payload, { maxBytes: maxBodyBytes })
    if (read.outcome === 'gone') throw new Refusal('invalid', 'the body did not arrive')
    if (read.outcome !== 'read') throw new RequestRefused(bodyProblem(read.outcome))
    request.rawBody = read.body
    await request.turn(read.body.length)
    return read.body.length === 0 ? undefined : parse(read.body)
  })
  app.addHook('preValidation', async (request) => {
    const { signature, rawBody } = request
    if (signature.outcome !== 'signed') return
    request.authorisation = await signature.complete(rawBody)
    demand(request, request.authorisation)
  })

  async function signatureOf(request: FastifyRequest): Promise<Signature> {
    const { raw, is404, routeOptions, address, onBadSignature } = request
    if (is404 || routeOptions.config.authentication === 'ignored') return ABSENT
    const { authorization } = raw.headers
    const url = requestUrl(raw, publicUrl)
    const urls = url === undefined ? [] : [url]
    return auth.examine({ authorization, method: raw.method ?? '', urls, address, onBadSignature })
  }
}

/** The pubkey of a request to a route that requires one. */
export function ownerOf({ authorisation }: FastifyRequest): Pubkey {
  if (authorisation.outcome === 'authenticated') return authorisation.pubkey
  throw new Error('the route does not require authentication')
}

/** The pubkey that has signed the request, if any has. */
export function pubkeysOf({ authorisation }: FastifyRequest): readonly Pubkey[] {
  return authorisation.outcome === 'authenticated' ? [authorisation.pubkey] : []
}

/** An invalid signature is refused even where none is required, so that nobody acts under an identity they did not intend. */
function demand({ is404, routeOptions }: FastifyRequest, authorisation: Authorisation | undefined): void {
  if (authorisation === undefined || is404) return
  if (authorisation.outcome === 'absent' && routeOptions.config.authentication !== 'required') return
  const problem = authorisationProblem(authorisation)
  if (problem !== undefined) throw new RequestRefused(problem)
}

function parse(body: Buffer): unknown {
  const cost = costOfJson(body)
  if (cost !== undefined) throw new Refusal('invalid', `the body ${cost}`)
  const value = parseJson(body.toString())
  if (value === undefined) throw new Refusal('invalid', 'the body must be JSON')
  return value
}
