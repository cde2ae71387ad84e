/** Who reads the log or a result and stalls holds up neither the clients of a server nor its end (I9). */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { authorNamed, LIMITS, NOW, packageNamed } from '../../contract/index.ts'
import { MAIN, runCli, startCli } from '../../support/cli.ts'
import { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { signEvent } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'
import { run, startProcess } from '../../support/processes.ts'
import { scratch } from '../../support/scratch.ts'

const SHARER = fileURLToPath(new URL('../../support/stderr-sharer.mjs', import.meta.url))
/** More than a pipe holds. */
const SOME = 1_500
/** More than the process keeps for later as well. */
const MANY = 6_000
const SOON_MS = 5_000

const directory = scratch()

/** Each leaves a line in the audit log, of about 400 bytes, which is a line of the log here. */
const refused = signEvent(person('alice').secretKey, { kind: 443, created_at: NOW, tags: [], content: 'zz' })

async function serveArgs(): Promise<{ url: string; args: string[] }> {
  const port = await freePort()
  const settings = ['--store', 'memory:', '--audit-to', 'log', '--admin-listen', 'none']
  return { url: `ws://127.0.0.1:${port}`, args: ['serve', '--listen', `127.0.0.1:${port}`, ...settings] }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('it has no port')
  return address.port
}

/** A client that has the server log so much that nobody can keep it for later. */
async function expectAnswers(url: string, lines: number): Promise<void> {
  const { socket } = await eventually('it serves', () => Client.greeted(url))
  let answered = 0
  socket.on('message', (data) => {
    if (/^\["OK",.*,false,"invalid: /.test(String(data))) answered += 1
  })
  for (let sent = 100; sent <= lines; sent += 100) {
    for (let turn = 0; turn < 100; turn++) socket.send(JSON.stringify(['EVENT', refused]))
    await eventually('they are answered', () => answered === sent)
  }
  socket.close()
}

async function expectEnd(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const started = performance.now()
  expect(await ended).toEqual([0, null])
  expect(performance.now() - started).toBeLessThan(SOON_MS)
}

describe('a server whose log nobody reads', () => {
  it('answers its clients, and ends on SIGTERM', async () => {
    const { url, args } = await serveArgs()
    const server = startCli(args)
    await expectAnswers(url, SOME)
    await expectEnd(server)
  })

  it('loses lines, and says how many once it is read', async () => {
    const { url, args } = await serveArgs()
    const server = startCli(args)
    await expectAnswers(url, MANY)
    const lines: Record<string, unknown>[] = []
    createInterface(server.stderr).on('line', (line) => lines.push(JSON.parse(line)))
    const lost = await eventually('it says so', () =>
      lines.find(({ msg }) => String(msg).includes('were lost')),
    )
    expect(lost).toMatchObject({ level: 40, msg: 'lines of the log were lost: nobody read it in time' })
    const audited = () => lines.filter(({ msg }) => msg === 'audit').length
    await eventually('all others are written', () => audited() + Number(lost?.lines) === MANY)
    expect(audited()).toBeGreaterThan(1_000)
    // From now on it is complete again.
    const client = await Client.greeted(url)
    const before = audited()
    await client.ask('EVENT', refused)
    client.close()
    await eventually('it is logged', () => audited() === before + 1)
    await expectEnd(server)
  })

  it('answers its clients, and ends on SIGTERM, where another process has made the descriptor block', async () => {
    const pid = await serveOnBlockingStderr()
    process.kill(pid, 'SIGTERM')
    await eventually('it has ended', () => hasEnded(pid), SOON_MS)
  })

  it('ends at once on a second signal', async () => {
    const pid = await serveOnBlockingStderr()
    process.kill(pid, 'SIGINT')
    process.kill(pid, 'SIGINT')
    await eventually('it has ended', () => hasEnded(pid), SOON_MS)
  })

  it('answers its clients, and ends on SIGTERM, on a terminal that stands still', async () => {
    const { url, args } = await serveArgs()
    // `script` of util-linux is the terminal.
    const command = [process.execPath, MAIN, ...args].join(' ')
    const terminal = startProcess('script', ['-qec', `exec ${command}`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await eventually('it serves', () => Client.greeted(url))
    const pid = readFileSync(`/proc/${terminal.pid}/task/${terminal.pid}/children`, 'utf8').trim()
    terminal.kill('SIGSTOP')
    await expectAnswers(url, SOME)
    process.kill(Number(pid), 'SIGTERM')
    await eventually('it has ended', () => hasEnded(Number(pid)), SOON_MS)
  })
})

/** A process that ended is a zombie until its parent has asked for it. */
/** A server that answers, whose log nobody reads and blocks once it is full; resolves to its process. */
async function serveOnBlockingStderr(): Promise<number> {
  const { url, args } = await serveArgs()
  const sharer = startProcess(process.execPath, [SHARER, process.execPath, MAIN, ...args])
  const [pid] = await once(createInterface(sharer.stdout), 'line')
  await eventually('it serves', () => Client.greeted(url))
  sharer.stdin.end()
  await once(sharer, 'exit')
  await expectAnswers(url, SOME)
  return Number(pid)
}

function hasEnded(pid: number): boolean {
  const file = `/proc/${pid}/stat`
  return !existsSync(file) || /\) Z /.test(readFileSync(file, 'utf8'))
}

describe('a command whose result nobody reads', () => {
  it('waits for its reader, and ends on SIGTERM', async () => {
    const path = `${directory}/large`
    const store = lmdbStore({ path })
    const author = authorNamed('alice')
    const event = JSON.stringify({ content: 'x'.repeat(100_000) })
    const now = Math.floor(Date.now() / 1000)
    const packages = Array.from({ length: 100 }, (_, index) => ({
      ...packageNamed(`${index}`, author, { expiresAt: now + 3600 }),
      event,
    }))
    await Promise.all(packages.map((pkg) => store.put(pkg, { ...LIMITS, max: 1_000 }, now)))
    await store.close()
    const child = startCli(['export', '--store', `lmdb:${path}`])
    const ended = once(child, 'exit')
    await once(child.stdout, 'readable')
    child.kill('SIGTERM')
    expect(await ended).toEqual([null, 'SIGTERM'])
  })

  it('may be a pipe as audit file, which is refused: it would hold up the clients', async () => {
    const path = `${directory}/pipe`
    await run('mkfifo', [path])
    const { code, stderr } = await runCli(['serve', '--audit-to', 'file', '--audit-path', path])
    expect(stderr).toContain('it is a pipe, not a file (audit.to log writes to stderr)')
    expect(code).toBe(2)
  })
})
