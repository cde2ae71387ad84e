/**
 * The browser finds in an event what Node.js finds in it: the checks are the same code, on stand-ins for Node's Buffer and crypto
 * (adapters/http/page/inspection/). Here they run in Chromium, as they were built.
 */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { verifyEvent } from 'nostr-tools/pure'
import { PAGE_FOLDER, pagePart } from '../../../adapters/http/page.ts'
import { httpHandler } from '../../../adapters/http/routing.ts'
import { type Inspection, inspect } from '../../../plugin/key-package/inspection.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Browser } from '../../support/browser.ts'
import { BrowserPage } from '../../support/browser-page.ts'
import * as clients from '../../support/generations.ts'
import { serveHttp, type TestHttpServer } from '../../support/http.ts'
import { keyPackageEvent, NOW, signEvent } from '../../support/key-packages.ts'
import { flipped, madeWith, SUITES } from '../../support/made-packages.ts'
import { person } from '../../support/people.ts'
import { seededRandom } from '../../support/random.ts'

jest.setTimeout(300_000)

const alice = person('alice')
/** Changed packages of each ciphersuite, at random places. */
const CHANGES = 30

let browser: Browser
let server: TestHttpServer
let page: BrowserPage

beforeAll(async () => {
  browser = await Browser.start()
  const answer = httpHandler([pagePart({ base: '/page', view: 'person' })])
  server = await serveHttp(
    (request, response) => void answer(request, response, '127.0.0.1', () => response.end()),
  )
  page = await BrowserPage.open(browser, `${server.url}/page/`)
})
afterAll(async () => {
  await browser.close()
  await server.close()
})

const real: readonly [client: string, make: () => Promise<SignedEvent>][] = [
  ['mdk', () => clients.mdkEvent(alice)],
  ['whitenoise, the slot', async () => (await clients.whitenoiseTwins(alice))[0]],
  ['whitenoise, its twin', async () => (await clients.whitenoiseTwins(alice))[1]],
  ['marmot-ts', () => clients.marmotTsEvent(alice)],
  ['Amethyst', () => clients.amethystEvent(alice)],
  ['pika', () => clients.pikaEvent(alice)],
  ['pika, old', () => clients.pikaEvent(alice, { version: 'old' })],
  ['Loxation, hex', () => clients.loxationEvent(alice, { encoding: 'hex' })],
  ['Paytaca', () => clients.paytacaEvent(alice)],
]

describe('an event', () => {
  it.each(real)('of %s', async (_client, make) => {
    const [found] = await expectSame([await make()])
    expect(found?.receivers.some(({ accepted }) => accepted)).toBe(true)
  })

  it.each(SUITES)('of ciphersuite %i, as it is, and with one bit changed', async (suite) => {
    const made = madeWith(suite)
    const random = seededRandom(suite)
    const places = Array.from({ length: CHANGES }, () => random(made.bytes.length * 8))
    const changed = places.map((bit) => keyPackageEvent(alice, made, { bytes: flipped(made.bytes, bit) }))
    const [whole] = await expectSame([keyPackageEvent(alice, made), ...changed])
    expect(whole?.checks.find(({ check }) => check === 'MLS signatures')).toEqual({
      check: 'MLS signatures',
      outcome: 'passed',
    })
  })

  it('in every encoding, and in none', async () => {
    const made = madeWith(1)
    const base64 = Buffer.from(made.bytes).toString('base64')
    const contents = [
      base64,
      base64.replaceAll('=', ''),
      Buffer.from(made.bytes).toString('base64url'),
      Buffer.from(made.bytes).toString('hex'),
      Buffer.from(made.bytes).toString('hex').toUpperCase(),
      `${base64}A`,
      `${base64}AAAA`,
      ` ${base64}`,
      base64.slice(1),
      '\u00e4\u{1f511}',
      '=',
      '0',
      '',
    ]
    await expectSame(
      contents.flatMap((content) =>
        (['base64', 'hex'] as const).map((encoding) => keyPackageEvent(alice, made, { content, encoding })),
      ),
    )
  })

  it('that is wrong, or none', async () => {
    const good = await clients.mdkEvent(alice)
    const { secretKey } = alice
    await expectSame([
      { ...good, sig: 'f'.repeat(128) },
      { ...good, created_at: good.created_at + 1 },
      { ...good, content: good.content.slice(4) },
      { ...good, tags: [...good.tags, ['d', 'second']] },
      signEvent(secretKey, { kind: 1, created_at: NOW, tags: [], content: 'a note: \u{1f511}' }),
      signEvent(secretKey, {
        kind: 443,
        created_at: NOW,
        tags: [['long', 'ä'.repeat(9_000)]],
        content: '00',
      }),
      { ...good, sig: undefined },
      null,
      [],
      'text',
      7,
    ])
  })
})

/** What the browser finds in each, after it is shown to be what Node.js finds. */
async function expectSame(events: readonly unknown[]): Promise<readonly Inspection[]> {
  const here = events.map((event) => inspect(event, (signed) => verifyEvent(copy(signed)), NOW))
  const there = await inBrowser(events)
  expect(there).toEqual(JSON.parse(JSON.stringify(here)))
  return there
}

/** Chromium runs the chunk that the page loads when somebody inspects an event. */
async function inBrowser(events: readonly unknown[]): Promise<readonly Inspection[]> {
  const [chunk] = readdirSync(join(PAGE_FOLDER, 'assets')).filter((name) => /^inspect-.*\.js$/.test(name))
  const found = await page.run(`import('./assets/${chunk}').then(({ inspectHere }) =>
    JSON.stringify(${JSON.stringify(events)}.map((event) => inspectHere(event, ${NOW}))))`)
  return JSON.parse(String(found)) as readonly Inspection[]
}

function copy<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value
}
