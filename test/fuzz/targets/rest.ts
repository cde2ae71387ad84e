/** Bytes on a connection of the HTTP server with its REST interface: whole requests, signed or not, and pieces of them, pipelined. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { headerOf, httpAuthEvent } from '../../support/http-auth.ts'
import { NOW } from '../../support/key-packages.ts'
import { startRest } from '../../support/rest.ts'
import { CAST_WORDS, expanded, fill, PEOPLE, STOCKED, UNPUBLISHED } from '../cast.ts'
import { demand, lines, type Target, valuesIn } from '../target.ts'

const MAX_REQUESTS = 6
/** Ends the connection, whatever came before. */
const LAST = 'GET /api/v1/information HTTP/1.1\r\nHost: relay.example.com\r\nConnection: close\r\n\r\n'
const PATIENCE_MS = 100
const ALLOWED_FAILURES = [501, 503, 505]

/** One store for each input, so that an input does the same whenever it is run. */
let current = memoryStore()
const store = new Proxy(current, {
  get(_, name) {
    const value = Reflect.get(current, name)
    return typeof value === 'function' ? value.bind(current) : value
  },
}) as KeyPackageStore
const server = await startRest(store, {
  publicUrl: 'wss://relay.example.com',
  quota: { publishPerAddress: { max: 1000 } },
})
const { port } = new URL(server.url)
let runs = 0

/** A line: a request, or a text that is sent as it is. */
interface Request {
  readonly method?: unknown
  readonly path?: unknown
  readonly as?: unknown
  readonly json?: unknown
  readonly headers?: unknown
}

export const target: Target = {
  name: 'rest',
  seeds: [
    lines({
      method: 'POST',
      path: '/claims',
      json: { authors: ['@alice', '@bob'], kinds: [443], limit: 1, encoding: 'hex' },
    }),
    lines(
      { method: 'POST', path: '/claims', as: 'bob', json: { authors: ['@carol'] } },
      { method: 'GET', path: '/packages?limit=2', as: 'alice' },
    ),
    lines({ method: 'POST', path: '/packages', json: { events: ['@new0', { by: 'bob', kind: 443 }] } }),
    lines(
      { method: 'GET', path: '/packages/@stocked0', as: 'alice' },
      { method: 'POST', path: '/packages/@stocked0/consumed', as: 'alice' },
    ),
    lines(
      { method: 'DELETE', path: '/packages?all=true', as: 'alice' },
      { method: 'GET', path: '/authors/@alice/count', as: 'alice' },
    ),
    lines(
      { method: 'DELETE', path: '/packages/@stocked3', as: 'bob' },
      { method: 'HEAD', path: '/information' },
    ),
    lines(
      {
        method: 'POST',
        path: '/relay-lists',
        json: { events: [{ by: 'bob', kind: 10051, tags: [['relay', 'wss://x.example.com']] }] },
      },
      { method: 'GET', path: '/authors/@bob/relay-lists' },
    ),
    lines(
      'GET /api/v1/openapi.json HTTP/1.1\r\nHost: a\r\n\r\n',
      'POST /api/v1/claims HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    ),
    lines(
      { method: 'OPTIONS', path: '/claims' },
      { method: 'PUT', path: '//%00/%' },
      'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
    ),
  ],
  words: [
    ...CAST_WORDS,
    ...'method path json headers as GET POST DELETE authors kinds limit events encoding'.split(' '),
    ...'/packages /claims /authors/ /count /consumed /relay-lists /openapi.json ? %2f'.split(' '),
    ...'content-type application/json content-encoding gzip transfer-encoding chunked'.split(' '),
    ...'content-length expect 100-continue upgrade websocket connection host'.split(' '),
    ...'authorization range origin x-real-ip HTTP/1.0 \r\n \r\n\r\n'.split(' '),
  ],
  shortRun: 50,
  async run(input) {
    current = memoryStore()
    await fill(current)
    runs += 1
    const address = `10.${(runs >> 16) & 0xff}.${(runs >> 8) & 0xff}.${runs & 0xff}`
    const requests = valuesIn(input).slice(0, MAX_REQUESTS)
    const sent = requests.map((request) => textOf(request, address)).join('')
    const { text: answer, closedBy } = await answerTo(sent)
    const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status))
    demand(closedBy === 'us' || statuses.length > 0, 'no answer', sent)
    const isAllowed = (status: number) => status < 500 || ALLOWED_FAILURES.includes(status)
    demand(statuses.every(isAllowed), 'the server fails', sent, answer)
    demandNothingShown(sent, requests, answer)
    demand(server.errors.length === 0, 'something failed inside', server.errors, sent)
  },
  close: () => server.stop(),
}

/** I4: packages are in the answers to claims of their author, and to the author. */
function demandNothingShown(sent: string, requests: readonly unknown[], answer: string): void {
  for (const { id, content, pubkey } of STOCKED) {
    const isClaimed = sent.includes('/claims') && sent.includes(pubkey)
    const isByAuthor = requests.some((request) => signerOf(request)?.pubkey === pubkey)
    if (isClaimed || isByAuthor) continue
    const isShown = [id, content].some((secret) => answer.includes(secret) && !sent.includes(secret))
    demand(!isShown, 'a package is shown without a claim (I4)', sent, answer)
  }
}

function signerOf(request: unknown) {
  const as = typeof request === 'object' && request !== null && 'as' in request ? request.as : undefined
  return typeof as === 'string' ? PEOPLE.get(as) : undefined
}

function textOf(request: unknown, address: string): string {
  if (typeof request === 'string') return request
  if (typeof request !== 'object' || request === null) return ''
  const { method, path, json, headers } = request as Request
  const target = `/api/v1${String(path).replaceAll(/@\w+/g, (word) => String(expanded(word)))}`
  const events = Object.fromEntries(
    UNPUBLISHED.map((event, index) => [`@new${index}`, JSON.stringify(event)]),
  )
  const body = json === undefined ? '' : written(json, events)
  const signer = signerOf(request)
  const signed = {
    method: String(method),
    url: `https://relay.example.com${target}`,
    now: NOW,
    ...(body !== '' && { body }),
  }
  const own = {
    host: 'relay.example.com',
    'x-real-ip': address,
    ...(body !== '' && {
      'content-type': 'application/json',
      'content-length': `${Buffer.byteLength(body)}`,
    }),
    ...(signer && { authorization: headerOf(httpAuthEvent(signer, signed)) }),
    ...(typeof headers === 'object' ? headers : {}),
  }
  const fields = Object.entries(own).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${target} HTTP/1.1\r\n${fields.join('')}\r\n${body}`
}

function written(json: unknown, events: Readonly<Record<string, string>>): string {
  const text = JSON.stringify(expanded(json))
  return text.replaceAll(/"(@new\d)"/g, (whole, word) => events[word] ?? whole)
}

interface Received {
  readonly text: string
  /** Which side closed the connection: we do where the server waits for the rest of a body. */
  readonly closedBy: 'server' | 'us'
}

async function answerTo(sent: string): Promise<Received> {
  const socket = connect({ port: Number(port), host: '127.0.0.1' })
  const received: Buffer[] = []
  let closedBy: Received['closedBy'] = 'server'
  const waiting = setTimeout(() => {
    closedBy = 'us'
    socket.end()
  }, PATIENCE_MS)
  socket.on('data', (chunk) => received.push(chunk))
  socket.on('error', () => undefined)
  socket.write(sent + LAST)
  await once(socket, 'close')
  clearTimeout(waiting)
  return { text: Buffer.concat(received).toString(), closedBy }
}
