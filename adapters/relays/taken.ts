/** When a client of an embedding relay has taken what was sent to it: lists are sent no faster (I9). */

/** As the sockets of `ws` have it. Of one without these members nothing is known, and nothing is waited for. */
interface Socket {
  readonly bufferedAmount: number
  ping(flushed: () => void): void
}

/** Resolves once everything sent so far has left this process, or cannot any more: a ping goes out after all of it. */
export async function taken(socket: object): Promise<void> {
  if (!isSocket(socket) || socket.bufferedAmount === 0) return
  await new Promise<void>((resolve) => socket.ping(() => resolve()))
}

function isSocket(socket: object): socket is Socket {
  return 'bufferedAmount' in socket && 'ping' in socket && typeof socket.ping === 'function'
}
