/** A real browser on the proxy: a page publishes a note, receives it live, and claims a key package. */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import type { RelayMessage } from '../../../plugin/nostr/messages.ts'
import { Browser } from '../../support/browser.ts'
import { signEvent } from '../../support/key-packages.ts'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { alice, bob, packagesOf, Scene } from '../behaviour/scene.ts'

// Where there is no browser yet, it is installed first.
jest.setTimeout(300_000)

let browser: Browser
let pages: Server

beforeAll(async () => {
  browser = await Browser.start()
  pages = createServer((_request, response) => response.end('<!doctype html><title>a client</title>'))
  pages.listen(0, '127.0.0.1')
  await once(pages, 'listening')
})
afterAll(async () => {
  await browser.close()
  pages.close()
})

interface Heard {
  readonly extensions: string
  readonly messages: RelayMessage[]
}

/** Runs in the page: sends each message once the one before has been answered with the given verb. */
async function converse(url: string, turns: readonly [message: unknown[], answer: string][]): Promise<Heard> {
  const socket = new WebSocket(url)
  const messages: RelayMessage[] = []
  const opened = new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = reject
  })
  await opened
  for (const [message, answer] of turns) {
    const answered = new Promise<void>((resolve, reject) => {
      socket.onmessage = ({ data }) => {
        const heard = JSON.parse(String(data)) as RelayMessage
        messages.push(heard)
        if (heard[0] === answer) resolve()
      }
      socket.onclose = () => reject(new Error('closed'))
    })
    socket.send(JSON.stringify(message))
    await answered
  }
  return { extensions: socket.extensions, messages }
}

describe('a page in a browser', () => {
  const scene = new Scene<TestProxy>((gateway) => startTestProxy({ gateway, proxy: { compression: true } }))
  const open = () => browser.open(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`)

  it('publishes a note, receives it live, and claims a key package, with permessage-deflate', async () => {
    const target = await scene.start({ delivery: { encoding: 'as-published' } })
    const [event] = await scene.publish(target, alice, 2)
    const note = signEvent(bob.secretKey, {
      kind: 1,
      created_at: target.now(),
      tags: [],
      content: 'hello, 世界 '.repeat(100),
    })
    const run = await open()
    const turns = [
      [['REQ', 'live', { kinds: [1] }], 'EOSE'],
      [['EVENT', note], 'EVENT'],
      [['REQ', 'claim', packagesOf(alice)], 'EOSE'],
      [['REQ', 'browse', { authors: [alice.pubkey] }], 'EOSE'],
    ]
    const call = `(${converse})(${JSON.stringify(target.url)}, ${JSON.stringify(turns)})`
    const { extensions, messages } = (await run(call)) as Heard
    expect(extensions).toMatch(/^permessage-deflate/)
    expect(messages.filter(([verb]) => verb === 'EVENT' || verb === 'EOSE')).toEqual([
      ['EOSE', 'live'],
      ['EVENT', 'live', note],
      ['EVENT', 'claim', event],
      ['EOSE', 'claim'],
      ['EOSE', 'browse'],
    ])
    expect(messages).toContainEqual(['OK', note.id, true, expect.any(String)])
  })

  it('reads the NIP-11 document of a relay of another origin', async () => {
    const target = await scene.start()
    const run = await open()
    const url = JSON.stringify(target.url.replace('ws', 'http'))
    const headers = JSON.stringify({ Accept: 'application/nostr+json' })
    const document = await run(`fetch(${url}, { headers: ${headers} }).then((answer) => answer.json())`)
    expect(document).toMatchObject({ key_packages: { kinds: [443, 30443] } })
  })
})
