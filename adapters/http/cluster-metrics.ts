/** The metrics of all processes of a cluster (node:cluster) in one: the primary asks its workers each time. */

import type { Cluster, Worker } from 'node:cluster'
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client'

type Metrics = MetricObjectWithValues<MetricValue<string>>[]

const ASK = 'keypackage-gateway: metrics?'
const ANSWER = 'keypackage-gateway: metrics'
/** A worker that has not answered by then is left out: it is starting, or busy, and the others are not. */
const PATIENCE_MS = 1_000

interface Question {
  readonly type: typeof ASK
  readonly id: number
}

interface Answer {
  readonly type: typeof ANSWER
  readonly id: number
  readonly metrics: Metrics
}

/** In a worker: answers the primary. */
export function answerPrimary(process: NodeJS.Process, registry: Registry): void {
  process.on('message', async (message) => {
    if (!isOf<Question>(message, ASK)) return
    const answer: Answer = { type: ANSWER, id: message.id, metrics: await registry.getMetricsAsJSON() }
    // The primary may be gone; then this worker is about to end, too.
    process.send?.(answer, undefined, undefined, () => undefined)
  })
}

/** In the primary. */
export class ClusterMetrics {
  readonly #cluster: Pick<Cluster, 'on' | 'workers'>
  readonly #own: Registry
  readonly #asked = new Map<number, (worker: Worker, metrics: Metrics) => void>()
  #count = 0

  constructor(cluster: Pick<Cluster, 'on' | 'workers'>, own: Registry) {
    this.#cluster = cluster
    this.#own = own
    cluster.on('message', (worker, message) => {
      if (isOf<Answer>(message, ANSWER)) this.#asked.get(message.id)?.(worker, message.metrics)
    })
  }

  /** The sum of the workers and of this process. It takes at most a second. */
  async read(): Promise<Registry> {
    const [own, workers] = await Promise.all([this.#own.getMetricsAsJSON(), this.#ask()])
    return AggregatorRegistry.aggregate([own, ...workers])
  }

  async #ask(): Promise<Metrics[]> {
    this.#count += 1
    const id = this.#count
    const open = new Set(Object.values(this.#cluster.workers ?? {}).filter((worker) => worker?.isConnected()))
    const answers: Metrics[] = []
    if (open.size === 0) return answers
    await new Promise<void>((resolve) => {
      const patience = setTimeout(resolve, PATIENCE_MS)
      this.#asked.set(id, (worker, metrics) => {
        answers.push(metrics)
        if (!open.delete(worker) || open.size > 0) return
        clearTimeout(patience)
        resolve()
      })
      const question: Question = { type: ASK, id }
      for (const worker of open) worker?.send(question, () => undefined)
    })
    this.#asked.delete(id)
    return answers
  }
}

function isOf<Message extends Question | Answer>(
  message: unknown,
  type: Message['type'],
): message is Message {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === type
}
