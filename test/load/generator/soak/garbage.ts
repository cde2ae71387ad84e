/** Has a server collect what it does not use any more, through its inspector: V8 alone may put that off for many minutes. */

import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { Serving } from '../../../support/cli.ts'
import { eventually } from '../../../support/eventually.ts'

/** For `NODE_OPTIONS`: the inspector of each server gets a port of its own. It listens once the server is sent SIGUSR1. */
export const INSPECTABLE = '--inspect-port=127.0.0.1:0'

const LISTENS_AT = /Debugger listening on (ws:\S+)/

/** Resolves to what has the server collect, and resolves once it has. */
export async function garbageOf(server: Serving): Promise<() => Promise<void>> {
  server.kill('SIGUSR1')
  let url = ''
  await eventually('the inspector listens', async () => {
    url = LISTENS_AT.exec(server.complaints.join('\n'))?.[1] ?? ''
    return url !== ''
  })
  return async () => {
    const inspector = new WebSocket(url)
    await once(inspector, 'open')
    inspector.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' }))
    await once(inspector, 'message')
    // A server does not end before its inspector is left alone.
    inspector.terminate()
  }
}
