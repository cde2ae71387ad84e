/** How much of a request's body is read, for how long, and what the client is told otherwise. */

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from '@jest/globals'
import { type Body, bodyProblem, readBody } from '../../../adapters/http/body.ts'
import { sendProblem } from '../../../adapters/http/problem.ts'
import { http, rawHttp, serveHttp, type TestHttpServer } from '../../support/http.ts'

const MAX_BYTES = 1000
/** Nobody waits for a body that does not come, unless the test is about that. */
const SOON_MS = 200

let server: TestHttpServer
/** What became of each body, in order. */
let read: Body[]

interface Start {
  readonly onRequest?: (request: IncomingMessage) => void
  readonly maxMs?: number
}

/** A server that answers with the body it has read. */
async function start({ onRequest, maxMs }: Start = {}): Promise<void> {
  read = []
  server = await serveHttp((request, response) => {
    onRequest?.(request)
    readBody(request, { maxBytes: MAX_BYTES, ...(maxMs !== undefined && { maxMs }) }).then((body) => {
      read.push(body)
      if (body.outcome === 'read') response.end(body.body)
      else if (body.outcome !== 'gone') sendProblem(response, bodyProblem(body.outcome))
    })
  })
}

afterEach(() => server.close())

describe('the body of a request', () => {
  it('is read as it was sent', async () => {
    await start()
    const body = 'ä'.repeat(500)
    expect(await http(server.url, { method: 'POST', body })).toMatchObject({ status: 200, body })
  })

  it('is empty if there is none', async () => {
    await start()
    expect(await http(server.url, { method: 'POST' })).toMatchObject({ status: 200, body: '' })
  })

  it('is read in chunks, without a length', async () => {
    await start()
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'
    expect(await rawHttp(server.url, `${head}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`)).toMatch(/abcde/)
  })

  it('that is too large is not read, and the client can read the answer', async () => {
    await start()
    const answer = await http(server.url, { method: 'POST', body: Buffer.alloc(5_000_000) })
    expect(answer).toMatchObject({
      status: 413,
      headers: { 'content-type': 'application/problem+json' },
    })
    expect(JSON.parse(answer.body)).toEqual({
      type: 'about:blank',
      title: 'Payload Too Large',
      status: 413,
      detail: 'invalid: the body is too large',
      prefix: 'invalid',
    })
  })

  it('that turns out to be too large is not kept', async () => {
    await start()
    const headers = { 'transfer-encoding': 'chunked' }
    expect(await http(server.url, { method: 'POST', headers, body: Buffer.alloc(5_000_000) })).toMatchObject({
      status: 413,
    })
  })

  it('that does not arrive is not waited for', async () => {
    await start({ maxMs: SOON_MS })
    const answer = await rawHttp(server.url, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc')
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(answer).toMatch(/the body did not arrive in time/)
    expect(answer).toMatch(/^connection: close\r$/m)
  })

  it('must not be compressed', async () => {
    await start()
    const headers = { 'content-encoding': 'gzip' }
    expect(await http(server.url, { method: 'POST', headers, body: 'x' })).toMatchObject({ status: 415 })
  })

  it('of a client that has left is gone', async () => {
    let client: Socket | undefined
    await start({ onRequest: () => client?.destroy() })
    client = connect(Number(new URL(server.url).port))
    client.on('error', () => undefined)
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc')
    await Promise.all([once(client, 'close'), text(client).catch(() => '')])
    expect(await http(server.url, { method: 'POST', body: 'x' })).toMatchObject({ status: 200 })
    expect(read.map(({ outcome }) => outcome)).toEqual(['gone', 'read'])
  })
})
