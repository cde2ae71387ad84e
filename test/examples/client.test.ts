/** examples/client works as its README says: two processes, connected to `serve` in front of a relay. */

import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { decode } from 'nostr-tools/nip19'
import { wrapEvent } from 'nostr-tools/nip59'
import { finalizeEvent } from 'nostr-tools/pure'
import { Relay, useWebSocketImplementation } from 'nostr-tools/relay'
import { WebSocket } from 'ws'
import { type Serving, serveCli } from '../support/cli.ts'
import { person } from '../support/people.ts'
import { startProcess } from '../support/processes.ts'
import { startRelay, type TestRelay } from '../support/relay.ts'

useWebSocketImplementation(WebSocket)

type Terminal = ChildProcessByStdio<null, Readable, Readable>

describe('examples/client', () => {
  let relay: TestRelay
  let gateway: Serving
  const terminals: Terminal[] = []

  beforeEach(async () => {
    relay = await startRelay()
    gateway = await serveCli(['--upstream', relay.url, '--store', 'memory:'])
  })
  afterEach(async () => {
    for (const terminal of terminals.splice(0)) terminal.kill()
    gateway.kill('SIGTERM')
    await gateway.finished
    await relay.stop()
  })

  function run(script: string, ...args: readonly string[]): Terminal {
    const path = fileURLToPath(new URL(`../../examples/client/${script}`, import.meta.url))
    const terminal = startProcess(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    terminals.push(terminal)
    return terminal
  }

  it('Bob claims a key package of Alice and adds her to a group, both read each other, and events of others are ignored', async () => {
    const alice = run('alice.js', gateway.url)
    const aliceOutput: string[] = []
    const npub = await new Promise<string>((resolve, reject) => {
      text(alice.stderr).then((failure) => reject(new Error(failure)), reject)
      createInterface(alice.stdout).on('line', (line) => {
        aliceOutput.push(line)
        const [, name] = /node \S*bob\.js (npub1\w+)/.exec(line) ?? []
        if (name !== undefined) resolve(name)
      })
    })
    // Anybody may send her gift wraps that are empty, or no Welcome for her.
    const [{ secretKey }, alicesKey] = [person('mallory'), decode(npub).data as string]
    const mallory = await Relay.connect(gateway.url)
    for (const rumor of [{ content: '' }, { content: 'AAAA', tags: [['e', '0'.repeat(64)]] }]) {
      await mallory.publish(wrapEvent({ kind: 444, ...rumor }, secretKey, alicesKey))
    }
    const empty = { kind: 1059, created_at: 1, tags: [['p', alicesKey]], content: '' }
    await mallory.publish(finalizeEvent(empty, secretKey))
    mallory.close()
    const bob = run('bob.js', npub, gateway.url)
    const [bobOutput, failure, [bobsCode], [alicesCode]] = await Promise.all([
      text(bob.stdout),
      text(bob.stderr),
      once(bob, 'exit'),
      once(alice, 'exit'),
    ])

    expect({ failure, bobsCode, alicesCode }).toEqual({ failure: '', bobsCode: 0, alicesCode: 0 })
    expect(aliceOutput).toContain('Alice reads: Hello Alice, you did not have to be online for this.')
    expect(bobOutput).toContain(`Where Alice's key packages are: ${gateway.url}`)
    expect(bobOutput).toContain('Bob reads: Hello Bob.')
    // The relay has seen neither her key packages nor the texts of their messages.
    expect(relay.received.filter((frame) => /"kind":(30)?443\b|Hello Alice|Hello Bob/.test(frame))).toEqual(
      [],
    )
    expect(relay.received.some((frame) => frame.includes('"kind":445'))).toBe(true)
  })

  it('Alice says that there is no relay, and what to do', async () => {
    const alice = run('alice.js', 'ws://127.0.0.1:1')
    expect(await text(alice.stderr)).toContain('No relay at ws://127.0.0.1:1. README.md says how')
  })

  it('Bob prints his usage without an npub, and says when there is no key package', async () => {
    const unnamed = run('bob.js')
    expect(await once(unnamed, 'exit')).toEqual([2, null])
    const nobody = 'npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6'
    const stranger = run('bob.js', nobody, gateway.url)
    const [output, [code]] = await Promise.all([text(stranger.stderr), once(stranger, 'exit')])
    expect(code).toBe(1)
    expect(output).toContain('There is no key package for Bob.')
  })
})
