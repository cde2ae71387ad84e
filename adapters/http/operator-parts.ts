/** What is read on the operator's listener: metrics, health, and the data of the operator's page. */

import type { Logger } from '../../plugin/context.ts'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { StockSurvey } from '../../plugin/lifecycle/stock-survey.ts'
import { Refusal } from '../../plugin/nostr/refusal.ts'
import type { Health } from './health.ts'
import type { History } from './history.ts'
import { type OperatorAnswer, send } from './operator-listener.ts'
import { PROBLEM_JSON, type Problem, problemOf, STORE_DOWN } from './problem.ts'
import type { HttpPart } from './routing.ts'

export interface OperatorSources {
  /** The metrics as text, in the format that `metricsType` names. */
  readonly metrics: () => Promise<string>
  readonly metricsType: string
  readonly health: Pick<Health, 'readiness'>
  readonly history: Pick<History, 'intervalSeconds' | 'samples'>
  readonly stock: () => StockSurvey | undefined
  /** `stock.low` */
  readonly low: number
  readonly log: Pick<Logger, 'error'>
}

/** What is answered at each path. */
type Answers = Readonly<Record<string, () => OperatorAnswer | Promise<OperatorAnswer>>>

/** `/metrics`, `/healthz`, `/readyz`, `/operator/history` and `/operator/low-authors`. */
export function operatorPart(sources: OperatorSources): HttpPart {
  const { health, history, stock, low, log } = sources
  const answers: Answers = {
    '/metrics': async () => ({ status: 200, type: sources.metricsType, body: await sources.metrics() }),
    '/healthz': () => json({ alive: true }),
    '/readyz': async () => {
      const readiness = await health.readiness()
      return json(readiness, readiness.ready ? 200 : 503)
    },
    '/operator/history': () => json({ intervalSeconds: history.intervalSeconds, samples: history.samples }),
    '/operator/low-authors': () => json(lowAuthors(stock(), low)),
  }
  return answering(answers, log)
}

export interface AccessSources {
  readonly gateway: Pick<KeyPackageGateway, 'accessRules'>
  /** What admins sign, so that a relay behind can be told of their changes too; undefined: the listener's own address. */
  readonly relayUrl: string | undefined
  readonly log: Pick<Logger, 'error'>
}

/** `/operator/access`: who is banned, and who is allowed. */
export function operatorAccess({ gateway, relayUrl, log }: AccessSources): HttpPart {
  const answer = () =>
    gateway.accessRules().then(
      (rules) => json({ rules, relayUrl }),
      () => problem(problemOf(new Refusal('error', STORE_DOWN))),
    )
  return answering({ '/operator/access': answer }, log)
}

function answering(answers: Answers, log: Pick<Logger, 'error'>): HttpPart {
  return ({ request, response, path }) => {
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined
    if (answer === undefined) return false
    request.resume()
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      send(response, { status: 405, type: 'text/plain; charset=utf-8', body: 'only GET is supported\n' })
      return true
    }
    Promise.resolve()
      .then(answer)
      .then((made) => send(response, made))
      .catch((error: unknown) => {
        log.error({ err: error }, 'failed to answer the operator')
        if (response.headersSent) response.destroy()
        else send(response, { status: 500, type: 'text/plain; charset=utf-8', body: 'failed\n' })
      })
    return true
  }
}

/** `total` counts those who are low or have nothing left; of them, `authors` names those with the fewest. */
function lowAuthors(survey: StockSurvey | undefined, low: number): object {
  if (survey === undefined) return { low, surveyedAt: null, total: null, authors: [] }
  return { low, surveyedAt: survey.at, total: survey.low + survey.out, authors: survey.lowest }
}

function json(value: object, status = 200): OperatorAnswer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` }
}

function problem(body: Problem): OperatorAnswer {
  return { status: body.status, type: PROBLEM_JSON, body: JSON.stringify(body) }
}
