/** Whether the relay behind the gateway answers, and whether clients reach the gateway at its public address. */

import { get as getHttp } from 'node:http'
import { get as getHttps } from 'node:https'
import { text } from 'node:stream/consumers'
import { WebSocket } from 'ws'
import { withoutPasswords } from '../plain-words.ts'
import { hostAndPort, type Settings } from '../settings-schema.ts'
import { type Finding, PATIENCE_MS } from './finding.ts'

const NOSTR_JSON = 'application/nostr+json'
/** On this machine. */
const NEAR_MS = 1_000
const LOCAL = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+)$/

export interface RelayReport {
  readonly findings: readonly Finding[]
  /** How far this machine's clock is ahead of the relay's, in milliseconds: a whole second is not known. */
  readonly aheadMs?: number
}

export async function checkRelay(settings: Settings): Promise<RelayReport> {
  const { upstream } = settings
  if (upstream === undefined) {
    const text = 'no upstream: the gateway serves key packages and relay lists alone'
    return { findings: [{ topic: 'relay', outcome: 'ok', text }] }
  }
  const name = withoutPasswords(upstream)
  if (isOwnAddress(upstream, settings.listen)) {
    const advice = 'set upstream to the address of the relay behind'
    return { findings: [failed(`${name} is the gateway's own address`, advice)] }
  }
  try {
    const [{ aheadMs, document }, holds] = await Promise.all([information(upstream), holdsPackages(upstream)])
    const { name: title, software, version } = document
    const about = [title, software, version].filter((word) => typeof word === 'string').join(', ')
    const findings: Finding[] = [
      { topic: 'relay', outcome: 'ok', text: `${name} answers${about === '' ? '' : ` (${about})`}` },
    ]
    if (isGateway(document)) findings.push(warning(`${name} is a keypackage-gateway itself`))
    else if (holds && settings.custody === 'gateway') {
      findings.push(
        warning(
          'it holds key packages itself, and shows them to whoever reaches it without the gateway',
          'let clients reach the gateway alone; `import` what it exports',
        ),
      )
    }
    return { findings, ...(aheadMs !== undefined && { aheadMs }) }
  } catch (error) {
    return { findings: [failed(`${name} does not answer: ${why(error)}`, 'start it, or correct upstream')] }
  }
}

export async function checkPublicUrl({ publicUrl, listen, proxy }: Settings): Promise<Finding[]> {
  if (publicUrl === undefined) {
    return [
      {
        topic: 'address',
        outcome: 'warning',
        text: 'publicUrl is not set: clients can authenticate by an IP address or localhost alone',
        advice: 'set it to the address that clients use, such as wss://relay.example.com',
      },
    ]
  }
  const findings = [await checkReach(publicUrl)]
  const { protocol, hostname } = new URL(publicUrl)
  const isLocal = LOCAL.test(hostname)
  if (protocol === 'ws:' && !isLocal)
    findings.push(address('warning', `${publicUrl} is not encrypted`, 'have a reverse proxy offer wss://'))
  if (!isLocal && LOCAL.test(hostAndPort(listen).host) && proxy.trust.length === 0) {
    const text = 'proxy.trust is not set: all clients behind the reverse proxy count as one address'
    findings.push(address('warning', text, 'set it to the address of the proxy, such as 127.0.0.1'))
  }
  return findings
}

async function checkReach(publicUrl: string): Promise<Finding> {
  try {
    const { document } = await information(publicUrl)
    if (isGateway(document)) return address('ok', `${publicUrl} leads to a keypackage-gateway`)
    const advice = 'have the reverse proxy pass it to listen'
    return address('warning', `${publicUrl} answers, and it is no keypackage-gateway`, advice)
  } catch (error) {
    const advice = 'start the server, and look at the name and the reverse proxy'
    return address('warning', `${publicUrl} cannot be reached from here: ${why(error)}`, advice)
  }
}

/** Whether a keypackage-gateway answers there. */
export async function isGatewayAt(url: string): Promise<boolean> {
  try {
    return isGateway((await information(url, NEAR_MS)).document)
  } catch {
    return false
  }
}

/** Whether the operator's listener of a gateway answers there. */
export async function isOperatorsAt(url: string): Promise<boolean> {
  try {
    return (await information(`${url}/healthz`, NEAR_MS)).document.alive === true
  } catch {
    return false
  }
}

interface Information {
  readonly document: Readonly<Record<string, unknown>>
  readonly aheadMs?: number
}

/** The relay's document (NIP-11), empty if it has none, and what its `Date` says. Rejects where nothing answers in time. */
function information(url: string, patienceMs = PATIENCE_MS): Promise<Information> {
  const began = Date.now()
  // Not `fetch`, which refuses some ports, and addresses with a password.
  const get = url.startsWith('wss:') ? getHttps : getHttp
  return new Promise((resolve, reject) => {
    const options = { headers: { accept: NOSTR_JSON }, signal: AbortSignal.timeout(patienceMs) }
    const request = get(new URL(url.replace(/^ws/, 'http')), options, (response) => {
      const date = Date.parse(response.headers.date ?? '')
      const clock = Number.isNaN(date) ? {} : { aheadMs: aheadOf(date, began) }
      text(response).then((body) => resolve({ document: documentIn(body), ...clock }), reject)
    })
    request.once('error', (error) => reject(options.signal.aborted ? options.signal.reason : error))
  })
}

function documentIn(body: string): Information['document'] {
  try {
    const document: unknown = JSON.parse(body)
    return typeof document === 'object' && document !== null ? { ...document } : {}
  } catch {
    return {}
  }
}

/** A `Date` has no fraction of a second, and was written at some time since `began`: 0 where it may be the same. */
function aheadOf(date: number, began: number): number {
  if (began - date >= 1000) return began - date - 1000
  return Math.min(0, Date.now() - date)
}

/** The gateway adds this to the document (plugin/information.ts). */
function isGateway(document: Information['document']): boolean {
  return 'key_packages' in document
}

/** Whether the relay shows a key package to somebody it does not know. Rejects where it does not answer. */
function holdsPackages(url: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { handshakeTimeout: PATIENCE_MS })
    const end = (settle: () => void) => {
      clearTimeout(timer)
      socket.terminate()
      settle()
    }
    const timer = setTimeout(() => end(() => resolve(false)), PATIENCE_MS)
    socket.once('error', (error) => end(() => reject(error)))
    socket.once('open', () =>
      socket.send(JSON.stringify(['REQ', 'check', { kinds: [443, 30443], limit: 1 }])),
    )
    socket.on('message', (data) => {
      const [verb] = verbOf(String(data))
      if (verb === 'EVENT') end(() => resolve(true))
      if (verb === 'EOSE' || verb === 'CLOSED') end(() => resolve(false))
    })
  })
}

function verbOf(text: string): readonly unknown[] {
  try {
    const message: unknown = JSON.parse(text)
    return Array.isArray(message) ? message : []
  } catch {
    return []
  }
}

function isOwnAddress(upstream: string, listen: string): boolean {
  const { hostname, port, protocol } = new URL(upstream)
  const own = hostAndPort(listen)
  if (Number(port || (protocol === 'wss:' ? 443 : 80)) !== own.port) return false
  const host = hostname.replace(/^\[|\]$/g, '')
  return host === own.host || (LOCAL.test(hostname) && ['0.0.0.0', '::', 'localhost'].includes(own.host))
}

function why(error: unknown): string {
  const { name, code = '', message } = error as NodeJS.ErrnoException
  if (name === 'TimeoutError') return 'it took too long'
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'connection refused',
    ENOTFOUND: 'the host name is not known',
    EAI_AGAIN: 'the host name cannot be looked up',
    ECONNRESET: 'the connection was reset',
    EHOSTUNREACH: 'no route to host',
    ENETUNREACH: 'the network is unreachable',
  }
  return words[code] ?? (message || code)
}

function failed(text: string, advice: string): Finding {
  return { topic: 'relay', outcome: 'failed', text, advice }
}

function warning(text: string, advice?: string): Finding {
  return { topic: 'relay', outcome: 'warning', text, ...(advice !== undefined && { advice }) }
}

function address(outcome: Finding['outcome'], text: string, advice?: string): Finding {
  return { topic: 'address', outcome, text, ...(advice !== undefined && { advice }) }
}
