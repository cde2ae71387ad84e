/** Why Redis cannot be used, where the client does not say it: the servers are asked without it. */

import { connect as connectPlainly } from 'node:net'
import { type ConnectionOptions, connect as connectWithTls } from 'node:tls'
import { Redis, type RedisOptions } from 'ioredis'
import type { HostAndPort, RedisAddress } from './address.ts'
import { type RedisAccess, sentinelOptions } from './clients.ts'
import { type Fault, faultNamed, faultOf, NO_CONNECTION, saidBySentinel } from './faults.ts'

const ANSWER_MS = 1_000
/** With TLS 1.3 a server refuses a client certificate after the handshake. */
const REFUSAL_MS = 300

/** What a client says of a server that speaks another protocol, wants a certificate, or is behind a Sentinel that refuses. */
const UNCLEAR: ReadonlySet<string> = new Set([
  NO_CONNECTION,
  'NOSENTINEL',
  'ETIMEDOUT',
  'ECONNRESET',
  'EPIPE',
  'EPROTO',
])

/** The same fault, or the one behind it. */
export async function diagnose(fault: Fault, address: RedisAddress, access: RedisAccess): Promise<Fault> {
  if (!UNCLEAR.has(fault.code)) return fault
  const { topology, nodes, tls } = address
  const redisTls = tls ? { ...access.tls } : undefined
  if (topology.kind !== 'sentinel') return (await firstFault(nodes, redisTls)) ?? fault
  const options = sentinelOptions(address, access)
  const found = await Promise.all(nodes.map((node) => askSentinel(node, options, topology.name)))
  const masters = found
    .flatMap(({ master }) => (master === undefined ? [] : [master]))
    .map((master) => access.natMap?.[`${master.host}:${master.port}`] ?? master)
  if (masters.length > 0) return (await firstFault(masters, redisTls)) ?? fault
  const faults = found.flatMap(({ fault }) => (fault === undefined ? [] : [fault]))
  // Of several Sentinels some may be down; one that refuses says what to change.
  return faults.find(({ code }) => !UNCLEAR.has(code) && code !== 'ECONNREFUSED') ?? faults[0] ?? fault
}

async function firstFault(
  nodes: readonly HostAndPort[],
  tls?: ConnectionOptions,
): Promise<Fault | undefined> {
  const faults = await Promise.all(nodes.map((node) => protocolFault(node, tls)))
  return faults.find((fault) => fault !== undefined)
}

/** Undefined where the server speaks the protocol that it should, or does not answer at all. */
async function protocolFault(node: HostAndPort, tls?: ConnectionOptions): Promise<Fault | undefined> {
  if (tls === undefined) {
    const outcome = await shakeHands(node, { rejectUnauthorized: false })
    const hasTls = outcome === 'done' || faultOf(outcome).code === 'CLIENTCERT'
    return hasTls ? faultNamed('NEEDSTLS') : undefined
  }
  const outcome = await shakeHands(node, tls)
  if (outcome === 'done') return undefined
  const fault = faultOf(outcome)
  if (!UNCLEAR.has(fault.code)) return fault
  return (await answersPlainly(node)) ? faultNamed('NOTLS') : undefined
}

async function askSentinel(
  node: HostAndPort,
  options: Pick<RedisOptions, 'username' | 'password' | 'tls'>,
  name: string,
): Promise<{ readonly master?: HostAndPort; readonly fault?: Fault }> {
  const client = new Redis({
    ...node,
    ...options,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
  })
  let reported: unknown
  client.on('error', (error: unknown) => {
    reported ??= error
  })
  try {
    await client.connect()
    const reply = await client.call('SENTINEL', 'get-master-addr-by-name', name)
    if (!Array.isArray(reply)) return { fault: faultNamed('NOMASTER') }
    return { master: { host: String(reply[0]), port: Number(reply[1]) } }
  } catch (error) {
    const fault = faultOf(reported ?? error)
    if (fault.code === 'NOMASTER') return { fault }
    const behind = UNCLEAR.has(fault.code) ? await protocolFault(node, options.tls) : undefined
    return { fault: saidBySentinel(behind ?? fault, `Sentinel ${node.host}:${node.port}`) }
  } finally {
    client.disconnect()
  }
}

/** `done`, or why it failed. */
function shakeHands({ host, port }: HostAndPort, options: ConnectionOptions): Promise<unknown> {
  return new Promise((resolve) => {
    const socket = connectWithTls({ ...options, host, port, timeout: ANSWER_MS })
    const end = (outcome: unknown) => {
      socket.destroy()
      resolve(outcome)
    }
    socket.once('error', end)
    socket.once('close', () => end(new Error('the connection is closed')))
    socket.once('timeout', () => end(new Error('timed out')))
    socket.once('secureConnect', () => {
      socket.resume()
      setTimeout(() => end('done'), REFUSAL_MS)
    })
  })
}

function answersPlainly({ host, port }: HostAndPort): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectPlainly({ host, port, timeout: ANSWER_MS })
    const end = (answers: boolean) => {
      socket.destroy()
      resolve(answers)
    }
    socket.once('connect', () => socket.write('PING\r\n'))
    // +PONG, or an error such as -NOAUTH.
    socket.once('data', (data) => end(/^[+-]/.test(String(data))))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
    socket.once('timeout', () => end(false))
  })
}
