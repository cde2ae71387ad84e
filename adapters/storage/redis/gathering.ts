/** Sends the commands of one event loop turn in one write per server. They are still separate commands. */

import { isCluster, type RedisClient } from './clients.ts'

export class Gathering {
  readonly #client: RedisClient
  /** Sends what is gathered; undefined if nothing is. */
  #send: (() => void) | undefined

  constructor(client: RedisClient) {
    this.#client = client
  }

  /** What is sent from now on leaves at the end of the turn. */
  begin(): void {
    if (this.#send !== undefined) return
    const client = this.#client
    const streams = (isCluster(client) ? client.nodes('master') : [client]).map(({ stream }) => stream)
    for (const stream of streams) stream?.cork()
    const send = () => {
      if (this.#send !== send) return
      this.#send = undefined
      for (const stream of streams) stream?.uncork()
    }
    this.#send = send
    setImmediate(send)
  }

  /** What was sent leaves now. */
  flush(): void {
    process.nextTick(() => this.#send?.())
  }
}
