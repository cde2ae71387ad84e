/** `demo` plays its story on a real relay, leaves no files behind, and exits 0 only if every step passed. */

import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { expect, it } from '@jest/globals'
import { WebSocketServer } from 'ws'
import { story } from '../../../adapters/cli/demo/story.ts'
import { playOn } from '../../../adapters/cli/demo.ts'
import { runCli } from '../../support/cli.ts'
import { scratch } from '../../support/scratch.ts'

it('plays every step, and removes its temporary store', async () => {
  const folder = scratch()
  const { code, stdout, stderr } = await runCli(['demo'], { env: { TMPDIR: folder } })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const titles = stdout.split('\n').flatMap((line) => /^ ?\d+\. (.+)$/.exec(line)?.[1] ?? [])
  expect(titles).toEqual(story.map(({ title }) => title))
  expect(stdout).toMatch(/10 queries are answered, then Bob must wait \d+ s/)
  expect(stdout.trimEnd().endsWith('All steps passed.')).toBe(true)
  expect(readdirSync(folder)).toEqual([])
})

it('fails on a relay that gives the same key package to everybody (I1)', async () => {
  const relay = await startPlainRelay()
  const printed: string[] = []
  expect(await playOn(relay.url, (line) => printed.push(line))).toBe(false)
  expect(printed.slice(-2)).toEqual([
    ' 4. Carol claims one too and gets a different one',
    '      FAILED: the same key package was handed out twice',
  ])
  relay.close()
})

/** An ordinary relay: it stores events, and answers a query with the newest one that matches. */
async function startPlainRelay() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  const events: Event[] = []
  server.on('connection', (socket) => {
    const say = (...message: unknown[]) => socket.send(JSON.stringify(message))
    const find = ({ kinds, authors }: Query) =>
      events.filter(({ kind, pubkey }) => kinds.includes(kind) && authors.includes(pubkey))
    say('AUTH', 'challenge')
    socket.on('message', (data) => {
      const [verb, subject, filter] = JSON.parse(String(data))
      if (verb === 'EVENT') events.push(subject)
      if (verb === 'EVENT' || verb === 'AUTH') say('OK', subject.id, true, '')
      if (verb === 'COUNT') say('COUNT', subject, { count: find(filter).length })
      if (verb !== 'REQ') return
      for (const event of find(filter).slice(-1)) say('EVENT', subject, event)
      say('EOSE', subject)
    })
  })
  await once(server, 'listening')
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close() }
}

type Event = { kind: number; pubkey: string }
type Query = { kinds: number[]; authors: string[] }
