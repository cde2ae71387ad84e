/** Whether a relay supports protected events, by its information document, whatever it answers. */

import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import { supportsProtection } from '../../../adapters/client/protection.ts'
import { eventually } from '../../support/eventually.ts'
import { ManualTime } from '../../support/manual-time.ts'

let server: Server | undefined
afterEach(() => {
  server?.close()
  server?.closeAllConnections()
})

async function serve(answer: RequestListener): Promise<string> {
  server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

const timeout = () => ({ time: new ManualTime(), timeoutMs: 10_000 })

describe('a relay supports protected key packages', () => {
  it.each([
    ['if it lists NIP-70', '{"supported_nips":[1,11,70]}', true],
    ['if it is a gateway that says so', '{"supported_nips":[1],"key_packages":{"protected":true}}', true],
    ['not if it lists others', '{"supported_nips":[1,7,170],"key_packages":{"protected":"yes"}}', false],
    ['not if it lists nothing', '{}', false],
    ['not if its list is none', '{"supported_nips":"70"}', false],
    ['not if its document is no object', 'null', false],
    ['not if its document is not JSON', '<html>70</html>', false],
    ['not if its document is empty', '', false],
    ['not if its document is too long', `{"supported_nips":[70],"x":"${'x'.repeat(300_000)}"}`, false],
  ])('%s', async (_, body, expected) => {
    const asked: (string | undefined)[] = []
    const url = await serve((request, response) => {
      asked.push(request.headers.accept)
      response.end(body)
    })
    expect(await supportsProtection(url, timeout())).toBe(expected)
    expect(asked).toEqual(['application/nostr+json'])
  })

  it('not if it has no document, or cannot be reached', async () => {
    const url = await serve((_request, response) => response.destroy())
    expect(await supportsProtection(url, timeout())).toBe(false)
    expect(await supportsProtection('ws://user:secret@127.0.0.1:1/', timeout())).toBe(false)
  })

  it('not if it does not answer within two seconds', async () => {
    const url = await serve(() => {})
    const { time, timeoutMs } = timeout()
    const supported = supportsProtection(url, { time, timeoutMs })
    await eventually('it is waited for', () => time.pending.includes(2000))
    time.advance(2000)
    expect(await supported).toBe(false)
    expect(time.pending).toEqual([])
  })
})
