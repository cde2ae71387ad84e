/** A TCP proxy whose connections can fall silent, as when a machine loses power: no data, and no end of the connection. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export class SilentProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(target: number) {
    this.#server = createServer((client) => this.#join(client, connect(target, '127.0.0.1')))
  }

  static async to(port: number): Promise<SilentProxy> {
    const proxy = new SilentProxy(port)
    proxy.#server.listen(0, '127.0.0.1').unref()
    await once(proxy.#server, 'listening')
    return proxy
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Forwards nothing on the current connections any more; new ones work. */
  silence(): void {
    for (const socket of this.#sockets) socket.unpipe().pause()
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #join(client: Socket, server: Socket): void {
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from)
      from.unref().pipe(to)
      from.on('error', () => to.destroy())
    }
  }
}
