/** A TCP proxy to a server. Its address is known before the server's; its connections can be cut or fall silent. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export class BrokenWay {
  readonly url: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** Without a target: connections are accepted, and nothing is ever sent on them. */
  static async open(): Promise<BrokenWay> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const way = new BrokenWay(server)
    server.on('connection', (socket) => way.#keep(socket))
    return way
  }

  /** Forwards new connections to the server. */
  leadTo(url: string): void {
    this.#server.on('connection', (socket) => {
      const onward = this.#keep(connect(Number(new URL(url).port), '127.0.0.1'))
      socket.pipe(onward).pipe(socket)
      socket.on('close', () => onward.destroy())
      onward.on('close', () => socket.destroy())
    })
  }

  /** Cuts the current connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Forwards nothing on the current connections any more. */
  silence(): void {
    for (const socket of this.#sockets) socket.unpipe().pause()
  }

  close(): void {
    this.#server.close()
    this.cut()
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#sockets.delete(socket))
    return socket
  }
}
