/** An author's own packages over HTTP: listed with their state, read, deleted, and marked as used elsewhere. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { OwnPackage, OwnRemoval } from '../../../plugin/lifecycle/own-stock.ts'
import type { EventId } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import type { ApiSettings } from './api-settings.ts'
import { ownerOf } from './caller.ts'
import { describe, type TypedApp } from './document.ts'
import { inSession } from './exchange-session.ts'
import { fromStore, refusalIn, refuse, throwIfClosed } from './refusals.ts'
import {
  authorParams,
  countQuerySchema,
  countSchema,
  ownEventSchema,
  ownPackagesSchema,
  packageParams,
  removedSchema,
} from './schemas.ts'

const config = { authentication: 'required' } as const
const common = { tag: 'own packages', ...config } as const
/** A banned author may not list packages, and may delete them. */
const TO_READ = [401, 403, 429, 503]
const TO_REMOVE = [400, 401, 403, 408, 413, 415, 429, 503]

export function packageRoutes(app: TypedApp, settings: ApiSettings): void {
  addReading(app, settings)
  addRemoving(app, settings)
}

function addReading(app: TypedApp, settings: ApiSettings): void {
  const { gateway, log } = settings
  const listed = async (request: FastifyRequest): Promise<OwnPackage[]> => {
    const owner = ownerOf(request)
    const refusal = await gateway.refusalToQuery({ authenticated: [owner], address: request.address })
    if (refusal !== undefined) throw refusalIn(refusal)
    return fromStore(log, () => gateway.ownPackages(owner))
  }

  app.route({
    method: 'GET',
    url: '/packages',
    config,
    schema: {
      ...describe({
        ...common,
        id: 'listOwnPackages',
        summary: 'List your own packages',
        text: 'Uses none of them, and no quota.',
        refusals: TO_READ,
      }),
      response: { 200: ownPackagesSchema },
    },
    handler: async (request) => {
      const packages = await listed(request)
      const fresh = packages.filter(({ state }) => state === 'fresh').length
      const { low, max } = gateway.options.stock
      return { packages, fresh, low, max }
    },
  })
  app.route({
    method: 'GET',
    url: '/packages/:id',
    config,
    schema: {
      ...describe({
        ...common,
        id: 'readOwnPackage',
        summary: 'Read one of your packages, with its event',
        text: 'As published. Nobody else can read it here.',
        refusals: [400, 404, ...TO_READ],
      }),
      params: packageParams,
      response: { 200: ownEventSchema },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const packages = await listed(request)
      const pkg = packages.find((own) => own.id === id)
      const event = pkg && (await readEvent(settings, request, reply, pkg))
      if (pkg === undefined || event === undefined)
        throw refuse(404, 'invalid', 'you have no key package with this id here')
      return { package: pkg, event }
    },
  })
  app.route({
    method: 'GET',
    url: '/authors/:pubkey/count',
    config,
    schema: {
      ...describe({
        ...common,
        tag: 'authors',
        id: 'countKeyPackages',
        summary: 'How many key packages an author has',
        text: 'Only the author is told, as with COUNT (NIP-45).',
        refusals: [400, ...TO_READ],
      }),
      params: authorParams,
      querystring: countQuerySchema,
      response: { 200: countSchema },
    },
    handler: async (request, reply) => {
      const { kind } = request.query
      return inSession(gateway, request, reply, async (session) => {
        const kinds = kind === undefined ? gateway.options.kinds : [Number(kind)]
        const filter = { kinds, authors: [request.params.pubkey] }
        const { replies } = await session.ask('COUNT', 'count', filter)
        throwIfClosed(replies)
        const [count] = replies.flatMap((answer) => (answer[0] === 'COUNT' ? [answer[2].count] : []))
        if (count === undefined) throw new Refusal('invalid', `this gateway does not handle kind ${kind}`)
        return { count }
      })
    },
  })
}

function addRemoving(app: TypedApp, { gateway, log }: ApiSettings): void {
  const remove = async (request: FastifyRequest, which: readonly EventId[] | 'everything') => {
    const owner = ownerOf(request)
    return removedIn(await fromStore(log, () => gateway.remove(owner, which, { address: request.address })))
  }

  app.route({
    method: 'DELETE',
    url: '/packages',
    config,
    schema: {
      ...describe({
        ...common,
        id: 'deleteAllOwnPackages',
        summary: 'Delete all your packages',
        text: 'Everything created until now: what is deleted, or arrives later and is older, is refused from then on.',
        refusals: TO_REMOVE,
      }),
      response: { 200: removedSchema },
    },
    handler: (request) => remove(request, 'everything'),
  })
  app.route({
    method: 'DELETE',
    url: '/packages/:id',
    config,
    schema: {
      ...describe({
        ...common,
        id: 'deleteOwnPackage',
        summary: 'Delete one of your packages',
        text: 'With a slot goes its alias. An id that is not here yet is refused when it arrives.',
        refusals: TO_REMOVE,
      }),
      params: packageParams,
      response: { 200: removedSchema },
    },
    handler: (request) => remove(request, [request.params.id]),
  })
  app.route({
    method: 'POST',
    url: '/packages/:id/consumed',
    config,
    schema: {
      ...describe({
        ...common,
        id: 'markConsumed',
        summary: 'Say that a package was used elsewhere',
        text: 'For example one that came in a Welcome from another relay. Every event with its KeyPackage is used up.',
        refusals: TO_REMOVE,
      }),
      params: packageParams,
      response: { 200: removedSchema },
    },
    handler: async (request) => {
      const { id } = request.params
      const packages = await fromStore(log, () => gateway.ownPackages(ownerOf(request)))
      const ref = packages.find((own) => own.id === id)?.ref
      const twins = packages.filter((own) => own.ref === ref).map((own) => own.id)
      return remove(request, [id, ...twins])
    },
  })
}

/** The event as it was published; undefined if it has left the stock meanwhile. */
async function readEvent(
  { gateway }: ApiSettings,
  request: FastifyRequest,
  reply: FastifyReply,
  { id, kind }: OwnPackage,
) {
  const owner = ownerOf(request)
  return inSession(gateway, request, reply, async (session) => {
    const { replies } = await session.ask('REQ', 'own', { kinds: [kind], authors: [owner], ids: [id] })
    throwIfClosed(replies)
    return replies.flatMap((answer) => (answer[0] === 'EVENT' ? [answer[2]] : [])).at(0)
  })
}

function removedIn(removal: OwnRemoval): { removed: number } {
  if (removal.outcome === 'refused') throw refusalIn(removal.message)
  return { removed: removal.count }
}
