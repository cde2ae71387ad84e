/**
 * A TCP proxy whose connections can fall silent, as when a machine loses power: no data, and no end of the connection. It can also refuse
 * new ones.
 */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export class SilentProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #port = 0

  private constructor(target: number) {
    this.#server = createServer((client) => this.#join(client, connect(target, '127.0.0.1')))
  }

  static async to(port: number): Promise<SilentProxy> {
    const proxy = new SilentProxy(port)
    await proxy.accept()
    return proxy
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`
  }

  /** Takes new connections, again if it refused them. */
  async accept(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1').unref()
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Takes no new connections; the current ones stay. */
  refuse(): void {
    this.#server.close()
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
