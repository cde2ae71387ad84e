/** The REST interface itself: a Fastify application that answers requests which arrived elsewhere, and refuses with problems. */

import type { IncomingMessage } from 'node:http'
import fastify, { type FastifyError, type FastifyReply } from 'fastify'
import {
  hasZodFastifySchemaValidationErrors,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import type { Logger } from '../../../plugin/context.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { headersOf, PROBLEM_JSON, problemOf } from '../problem.ts'
import type { Exchange } from '../routing.ts'
import type { ApiSettings } from './api-settings.ts'
import { addCallers } from './caller.ts'
import { claimRoutes } from './claims.ts'
import { addDocument } from './document.ts'
import { packageRoutes } from './packages.ts'
import { publishRoutes } from './publishing.ts'
import { RequestRefused, refuse, retryAfter } from './refusals.ts'
import { relayRoutes } from './relay.ts'

/** Longer path parameters, which no schema allows, are not found. */
const MAX_PARAM_LENGTH = 100

/** Resolves to what answers a request. It never rejects. */
export async function createApi(settings: ApiSettings): Promise<(exchange: Exchange) => Promise<void>> {
  const exchanges = new WeakMap<IncomingMessage, Exchange>()
  const app = fastify({
    logger: false,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    // A request that arrives with the signal to stop is still answered.
    return503OnClosing: false,
    frameworkErrors: (error, _request, reply) => {
      sendProblem(reply, refusedBy(error, settings.log))
    },
  })
  const routes: Route[] = []
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.addHook('onRoute', ({ method, url }) => {
    routes.push({ methods: [method].flat(), pattern: patternOf(url) })
  })
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    sendProblem(reply, refusedBy(error, settings.log))
  })
  app.setNotFoundHandler(({ url }, reply) => {
    sendProblem(reply, notTaken(methodsAt(url, routes)))
  })
  addCallers(app, { ...settings, exchangeOf: (request) => exchanges.get(request) })
  await addDocument(app, settings)
  await app.register(
    async (scope) => {
      const typed = scope.withTypeProvider<ZodTypeProvider>()
      publishRoutes(typed, settings)
      claimRoutes(typed, settings)
      packageRoutes(typed, settings)
      relayRoutes(typed, settings)
    },
    { prefix: `${settings.base}/api/v1` },
  )
  await app.ready()
  return async (exchange) => {
    const { request, response } = exchange
    exchanges.set(request, exchange)
    app.routing(request, response)
  }
}

/** The answer to what was thrown. What nobody expected is logged, and said to be no more than that. */
function refusedBy(error: FastifyError, log: Logger): RequestRefused {
  if (error instanceof RequestRefused) return error
  if (error instanceof Refusal) return new RequestRefused(problemOf(error), retryAfter(error.message))
  if (hasZodFastifySchemaValidationErrors(error)) return refuse(400, 'invalid', wrongIn(error))
  const known = knownFaults[error.code]
  if (known !== undefined) return refuse(known[0], 'invalid', known[1])
  const { statusCode = 500 } = error
  if (statusCode < 500) return refuse(statusCode, 'invalid', error.message)
  log.error({ err: error }, 'an HTTP request failed')
  return refuse(500, 'error', 'failed to handle this request')
}

const knownFaults: Readonly<Record<string, readonly [status: number, reason: string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'the body must be application/json'],
  FST_ERR_MAX_PARAM_LENGTH: [404, 'there is nothing here'],
  FST_ERR_BAD_URL: [400, 'the path is not well encoded'],
}

/** How many faults are named; the first ones are what a person mends first. */
const MAX_NAMED = 3

function wrongIn(error: FastifyError): string {
  const where = error.validationContext === 'body' ? 'body' : (error.validationContext ?? 'request')
  const issues = (error.validation ?? []).slice(0, MAX_NAMED)
  return issues
    .map(({ instancePath, message }) => `${where}${instancePath === '/' ? '' : instancePath}: ${message}`)
    .join('; ')
}

interface Route {
  readonly methods: readonly string[]
  readonly pattern: RegExp
}

/** @param path with parameters as `:name` */
function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`)
}

/** Which methods a path takes, for those who try another (RFC 9110 section 15.5.6). Empty if there is no such path. */
function methodsAt(target: string, routes: readonly Route[]): readonly string[] {
  const [path = ''] = target.split('?')
  const here = routes.filter(({ pattern }) => pattern.test(path))
  return [...new Set(here.flatMap(({ methods }) => methods))].sort()
}

/** @param allowed the methods that the path takes; none if there is no such path */
function notTaken(allowed: readonly string[]): RequestRefused {
  if (allowed.length === 0) return refuse(404, 'invalid', 'there is nothing here')
  const methods = allowed.join(', ')
  const { problem } = refuse(405, 'invalid', `this takes only ${methods}`)
  return new RequestRefused(problem, { allow: methods })
}

function sendProblem(reply: FastifyReply, { problem, headers }: RequestRefused): void {
  reply
    .code(problem.status)
    .headers({ ...headers, ...headersOf(problem) })
    .type(PROBLEM_JSON)
    .send(JSON.stringify(problem))
}
