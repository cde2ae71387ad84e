/** A relay of examples/, started as its README says: a complete relay, whose key packages survive a restart. */

import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import { alice, bob, eventOf, newEvent, packagesOf, Scene, type Target } from '../e2e/behaviour/scene.ts'
import { signEvent } from '../support/key-packages.ts'
import { startProcess } from '../support/processes.ts'
import { freePort } from '../support/redis.ts'
import { scratch } from '../support/scratch.ts'

export function describeRelayExample(name: string): void {
  const program = fileURLToPath(new URL(`../../examples/${name}/start.js`, import.meta.url))

  describe(`examples/${name}`, () => {
    const path = scratch()
    const scene = new Scene<Example>(() => start(program, path))

    it('serves notes to all and each key package to one requester, also after a crash (I1, I3)', async () => {
      const first = await scene.start()
      const events = await scene.publish(first, alice, 2)
      const [claimer, listener] = [await scene.connect(first, bob), await scene.connect(first)]
      await listener.request('live', { kinds: [1] })
      const note = eventOf(first, bob, 1, [])
      expect(await claimer.publish(note)).toEqual([true, ''])
      expect(await listener.until('EVENT', 'live')).toContainEqual(['EVENT', 'live', note])
      const [claimed, ...others] = (await claimer.request('claim', packagesOf(alice))).events
      expect([events.map(({ id }) => id).includes(claimed?.id ?? ''), others]).toEqual([true, []])
      expect((await listener.request('all', { authors: [alice.pubkey] })).events).toEqual([])
      await first.stop()

      const again = await scene.start()
      const client = await scene.connect(again)
      const left = events.filter(({ id }) => id !== claimed?.id)
      expect((await client.request('claim', packagesOf(alice))).events).toEqual(left)
    })

    it.each(['SIGTERM', 'SIGINT'] as const)(
      'stops on %s: closes its clients with 1001, and exits with code 0',
      async (signal) => {
        const first = await scene.start()
        const client = await scene.connect(first)
        const event = await newEvent(first, alice)
        expect(await client.publish(event)).toEqual([true, ''])
        first.kill(signal)
        expect(await client.ended).toBe(1001)
        expect(await first.exited).toEqual([0, null])

        const again = await scene.connect(await scene.start())
        expect(await again.publish(event)).toEqual([
          true,
          'duplicate: already received; it is not taken in again',
        ])
      },
    )

    it('keeps serving after invalid messages, other clients too (I9)', async () => {
      const target = await scene.start()
      const [client, listener] = [await scene.connect(target), await scene.connect(target)]
      const filters = [{ kinds: {} }, { kinds: 5 }, { ids: 'x' }, { '#e': 5 }, { since: [] }, null, 'x', []]
      for (const filter of filters) {
        client.send(['REQ', JSON.stringify(filter), filter], ['COUNT', 's', filter])
      }
      client.send(['REQ'], ['REQ', {}], ['EVENT', { kind: 1 }], ['CLOSE'], ['NEG-MSG', 's', ''], ['AUTH', {}])
      await listener.request('live', { kinds: [1] })
      const note = eventOf(target, bob, 1, [])
      expect(await client.publish(note)).toEqual([true, ''])
      expect(await listener.until('EVENT')).toContainEqual(['EVENT', 'live', note])
    })

    it('disconnects a client that does not read, and serves the others (I9)', async () => {
      const target = await scene.start()
      const [slow, writer] = [await scene.connect(target), await scene.connect(target)]
      await slow.request('live', { kinds: [20001] })
      slow.stream.pause()
      const content = 'x'.repeat(200_000)
      for (let count = 0; count < 100; count++) {
        const event = { kind: 20001, created_at: target.now(), tags: [['n', `${count}`]], content }
        expect(await writer.publish(signEvent(bob.secretKey, event))).toEqual([true, ''])
      }
      slow.stream.resume()
      expect(await slow.ended).toBe(1006)
    })
  })
}

interface Example extends Target {
  kill(signal: NodeJS.Signals): void
  /** Resolves with its exit code and signal. */
  readonly exited: Promise<unknown>
}

/** The program logs to the same stream. */
async function addressIn(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines)
    if (line.startsWith('listening on ')) return line.replace('listening on ', '')
  return 'no address'
}

/** Starts a process that stores its key packages in `data`. */
async function start(program: string, data: string): Promise<Example> {
  const port = String(await freePort())
  const child = startProcess(process.execPath, [program], {
    env: { ...process.env, PORT: port, DATA: data },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  return {
    url: await Promise.race([addressIn(createInterface(child.stdout)), exited.then(String)]),
    now: () => Math.floor(Date.now() / 1000),
    kill: (signal) => child.kill(signal),
    exited,
    stop: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
