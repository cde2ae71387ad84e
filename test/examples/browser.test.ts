/** examples/browser works as its README says: built by Vite, in a real browser, with a real gateway. */

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, extname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { finalizeEvent } from 'nostr-tools/pure'
import { Browser } from '../support/browser.ts'
import { type Serving, serveCli } from '../support/cli.ts'
import { eventually } from '../support/eventually.ts'
import { person } from '../support/people.ts'
import { run } from '../support/processes.ts'
import { scratch } from '../support/scratch.ts'

jest.setTimeout(300_000)

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
}
const GREETING = 'Hello Alice, you did not have to be here for this.'
const alice = person('alice')

let browser: Browser
let pages: Server
let gateway: Serving
/** The kinds of the events that the extension has signed. */
const signed: number[] = []

beforeAll(async () => {
  const built = scratch()
  const vite = dirname(createRequire(import.meta.url).resolve('vite/package.json'))
  const example = fileURLToPath(new URL('../../examples/browser', import.meta.url))
  await run(process.execPath, [
    join(vite, 'bin/vite.js'),
    'build',
    example,
    '--outDir',
    built,
    '--emptyOutDir',
  ])
  pages = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname === '/sign') {
      const event = finalizeEvent(JSON.parse(await text(request)), alice.secretKey)
      signed.push(event.kind)
      response.end(JSON.stringify(event))
      return
    }
    const file = pathname === '/' ? '/index.html' : pathname
    response.setHeader('content-type', TYPES[extname(file)] ?? 'text/plain')
    response.end(readFileSync(join(built, file)))
  })
  pages.listen(0, '127.0.0.1')
  await once(pages, 'listening')
  browser = await Browser.start()
})
afterAll(async () => {
  await browser.close()
  pages.close()
})

describe('examples/browser', () => {
  beforeAll(async () => {
    gateway = await serveCli(['--store', 'memory:'])
  })
  afterAll(async () => {
    gateway.kill('SIGTERM')
    await gateway.finished
  })

  it('tells the whole story with stand-in keys, and Alice is the same after a reload', async () => {
    const page = await Page.open()
    await page.press('publish', 'The relay has 4 of hers.')
    const key = await page.text('alice-key')
    expect(key).toMatch(/^npub1\w{11}… \(a stand-in key\)$/)
    await page.press('invite', 'Bob has added Alice to a group, and written to her.')
    await page.press('join', 'She has deleted the private keys that were used.')
    expect(await page.text('alice-reads')).toBe(GREETING)
    expect(await page.text('error')).toBe('')

    const reloaded = await Page.open()
    // Two of the first three, three more, and one slot.
    await reloaded.press('publish', 'The relay has 6 of hers.')
    expect(await reloaded.text('alice-key')).toBe(key)
  })

  it('signs with a NIP-07 extension where there is one', async () => {
    const page = await Page.open()
    await page.run(`window.nostr = {
      getPublicKey: async () => '${alice.pubkey}',
      signEvent: async (event) => (await fetch('/sign', { method: 'POST', body: JSON.stringify(event) })).json(),
    }`)
    await page.press('publish', 'The relay has 4 of hers.')
    expect(await page.text('alice-key')).toMatch(/\(your NIP-07 extension\)$/)
    await page.press('invite', 'Bob has added Alice to a group, and written to her.')
    await page.press('join', 'She has deleted the private keys that were used.')
    expect(await page.text('alice-reads')).toBe(GREETING)
    // Proofs of the account, one-time packages, the slot, authentication, the relay list, and the deletion.
    expect(new Set(signed)).toEqual(new Set([450, 443, 30443, 22242, 10051, 5]))
  })

  it('says what went wrong, and the step can be taken again', async () => {
    const page = await Page.open()
    await page.run(`window.nostr = {
      getPublicKey: async () => '${alice.pubkey}',
      signEvent: async () => { throw new Error('the user said no') },
    }`)
    await page.run(`document.getElementById('publish').click()`)
    await eventually('the page says why', async () => (await page.text('error')) === 'the user said no')
    await page.run('window.nostr = undefined')
    expect(await page.run(`document.getElementById('publish').disabled`)).toBe(false)
  })
})

class Page {
  /** Runs a script in the page. */
  readonly run: (script: string) => Promise<unknown>

  private constructor(run: Page['run']) {
    this.run = run
  }

  static async open(): Promise<Page> {
    const url = new URL(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`)
    url.searchParams.set('relay', gateway.url)
    return new Page(await browser.open(url.href))
  }

  text(id: string): Promise<unknown> {
    return this.run(`document.getElementById('${id}').textContent`)
  }

  /** Presses a button, and waits until the page says so. */
  async press(id: string, said: string): Promise<void> {
    await this.run(`document.getElementById('${id}').click()`)
    await eventually(`the page says "${said}"`, async () => {
      const error = await this.text('error')
      if (error !== '') throw new Error(String(error))
      return String(await this.text('log')).includes(said)
    })
  }
}
