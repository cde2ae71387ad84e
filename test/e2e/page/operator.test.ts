/** The operator's page of a real `serve`: what is counted there moves, and an admin bans and lifts bans (NIP-86). */

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { npubEncode } from 'nostr-tools/nip19'
import { Browser } from '../../support/browser.ts'
import { BrowserPage } from '../../support/browser-page.ts'
import { type Serving, serveCli } from '../../support/cli.ts'
import { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { pikaEvent } from '../../support/generations.ts'
import { startManagedRelay } from '../../support/management.ts'
import { person } from '../../support/people.ts'
import { scratch } from '../../support/scratch.ts'
import { photographs } from './photographs.ts'

// Where there is no browser yet, it is installed first.
jest.setTimeout(300_000)

/** A sample is taken every 10 seconds, and read every 5. */
const NEXT_SAMPLES_MS = 40_000
const [admin, alice, bob, carol] = [person('admin'), person('alice'), person('bob'), person('carol')]

let browser: Browser
let serving: Serving
let address: string

beforeAll(async () => {
  browser = await Browser.start()
  const store = `lmdb:${scratch()}`
  await publishBefore(store)
  serving = await serveCli([
    ...['--store', store, '--admin-listen', '127.0.0.1:0', '--admin-pubkeys', admin.pubkey],
    ...['--access-ban', '198.51.100.7'],
  ])
  address = operatorUrlOf(serving)
})
afterAll(async () => {
  serving.kill('SIGTERM')
  await Promise.all([browser.close(), serving.finished])
})

describe('the last hour', () => {
  it('moves after claims, refusals and publishes', async () => {
    const page = await BrowserPage.open(browser, address)
    await page.untilText('#hour', 'The last hour')
    const client = await Client.greeted(serving.url)
    for (const author of [alice, bob]) {
      const event = await pikaEvent(author, { createdAt: now() })
      expect(await client.ask('EVENT', event)).toEqual(['OK', event.id, true, ''])
    }
    for (const { pubkey } of [alice, bob])
      expect((await client.request('add', { kinds: [443], authors: [pubkey] })).events.length).toBe(1)
    expect((await client.request('browse', { kinds: [443] })).closed).toMatch(/^restricted:/)
    await eventually(
      'the charts show it',
      async () => {
        const [claims, refusals, publishes] = await Promise.all(
          ['Claims', 'Refusals by reason', 'Publishes'].map((chart) => valuesOf(page, chart)),
        )
        return claims?.['Shared package'] === '2' && refusals?.restricted === '1' && publishes?.Stored === '2'
      },
      NEXT_SAMPLES_MS,
    )
    expect(await valuesOf(page, 'Connections')).toEqual({ Connected: '1' })
    expect(await page.text('.tiles')).toContain('Claims in the last minute 2')
    await client.close()
    await photographs(page, 'operator-moved')
    expectQuiet(page)
  })

  it('is drawn, and says the same in a table', async () => {
    const page = await BrowserPage.open(browser, address)
    await page.untilText('#hour', 'Connections')
    // What draws them is loaded after the rest of the page.
    await eventually('six charts are drawn', async () => {
      const charts = await page.run(`[...document.querySelectorAll('.chart')].filter((chart) => [
        chart.querySelector('canvas') !== null, chart.querySelector('caption').innerText !== '',
        chart.querySelectorAll('tbody tr').length > 0 ].every(Boolean)).length`)
      return charts === 6
    })
  })

  it('stands still while it is paused', async () => {
    const page = await BrowserPage.open(browser, address)
    await page.untilText('#hour', 'live')
    await page.press('Pause')
    await page.untilText('#hour', 'paused')
    expect(await page.run(`document.querySelector('[aria-pressed]').getAttribute('aria-pressed')`)).toBe(
      'true',
    )
    await page.press('Pause')
    await page.untilText('#hour', 'live')
  })
})

it('names the authors who run low', async () => {
  const page = await BrowserPage.open(browser, address)
  await page.untilText('#low', '1 author with fewer than 5 fresh one-time packages')
  expect(await page.text('#low li')).toMatch(
    new RegExp(`^${npubEncode(carol.pubkey).slice(0, 12)}….{6} 1 fresh$`),
  )
  expectQuiet(page)
})

describe('bans', () => {
  it('of the settings are listed, and cannot be lifted here', async () => {
    const page = await signedIn()
    expect(await rulesOn(page)).toEqual(['198.51.100.7 Banned none given in the settings'])
    expectQuiet(page)
  })

  it('are imposed and lifted by an admin, and hold at once', async () => {
    const page = await signedIn()
    await page.fill('Pubkey, address or network', npubEncode(bob.pubkey))
    await page.fill('Reason', 'asks for everybody')
    await page.press('Add')
    await page.untilText('#announcements', 'Banned.')
    await page.untilText('#access', 'asks for everybody')
    await photographs(page, 'operator-banned')
    expect(await publishBy(bob)).toMatch(/^blocked:/)

    await page.press('Lift the ban of npub1')
    await page.untilText('dialog', npubEncode(bob.pubkey))
    expect(await page.violations()).toEqual([])
    await page.press('Lift the ban', 'dialog')
    await page.untilText('#announcements', 'The ban is lifted.')
    await page.until(`!document.querySelector('#access').innerText.includes('asks for everybody')`)
    await eventually('he may publish again', async () => (await publishBy(bob)) === '')
    expectQuiet(page)
  })

  it('of networks too', async () => {
    const page = await signedIn()
    await page.fill('Pubkey, address or network', '203.0.113.0/24')
    await page.press('Add')
    await page.untilText('#access table', '203.0.113.0/24')
    await page.press('Lift the ban of 203.0.113.0/24')
    await page.press('Lift the ban', 'dialog')
    await page.until(`!document.querySelector('#access table').innerText.includes('203.0.113.0/24')`)
  })

  it('are refused with the reason: a typing mistake, and nobody in particular', async () => {
    const page = await signedIn()
    await page.fill('Pubkey, address or network', `${npubEncode(bob.pubkey).slice(0, -1)}x`)
    await page.press('Add')
    await page.untilText('#access .problem', 'This npub has a typing mistake')
    await page.fill('Pubkey, address or network', 'somebody')
    await page.press('Add')
    await page.untilText('#access .problem', /somebody|address|pubkey/)
    expect(await page.violations()).toEqual([])
  })

  it('are for admins alone', async () => {
    const page = await signedIn(alice)
    await page.fill('Pubkey, address or network', bob.pubkey)
    await page.press('Add')
    await page.untilText('#access .problem', /admin/)
    expect(await rulesOn(page)).toEqual(['198.51.100.7 Banned none given in the settings'])
  })

  it('are told to the relay behind as well, if it has NIP-86', async () => {
    const relay = await startManagedRelay(() => ({ result: true }))
    const proxy = await serveCli([
      ...['--store', 'memory:', '--upstream', relay.url.replace('http', 'ws')],
      ...['--public-url', 'wss://relay.example.com', '--access-ban', '198.51.100.7'],
      ...['--admin-listen', '127.0.0.1:0', '--admin-pubkeys', admin.pubkey],
    ])
    try {
      const page = await signedIn(admin, operatorUrlOf(proxy))
      await page.fill('Pubkey, address or network', bob.pubkey)
      await page.press('Add')
      await page.untilText('#announcements', 'Banned.')
      expect(relay.received).toMatchObject([{ method: 'banpubkey', params: [bob.pubkey] }])
      const token = String(relay.received[0]?.headers.authorization).replace('Nostr ', '')
      const { tags } = JSON.parse(Buffer.from(token, 'base64').toString())
      expect(tags).toContainEqual(['u', 'https://relay.example.com/'])
    } finally {
      proxy.kill('SIGTERM')
      await Promise.all([proxy.finished, relay.close()])
    }
  })

  async function signedIn(who = admin, url = address): Promise<BrowserPage> {
    const page = await BrowserPage.open(browser, url, who)
    await page.press('Sign in')
    await page.untilText('#access', 'Signed in')
    await page.untilText('#access table', '198.51.100.7')
    return page
  }

  /** What the relay says to somebody who publishes. */
  async function publishBy(who: typeof bob): Promise<unknown> {
    const client = await Client.greeted(serving.url)
    const event = await pikaEvent(who, { createdAt: now() })
    const [, , , message] = await client.ask('EVENT', event)
    await client.close()
    return message
  }
})

/** The stock is counted at the start, and then once a minute: this is there from the start. */
async function publishBefore(store: string): Promise<void> {
  const before = await serveCli(['--store', store])
  const client = await Client.greeted(before.url)
  const event = await pikaEvent(carol, { createdAt: now() })
  expect(await client.ask('EVENT', event)).toEqual(['OK', event.id, true, ''])
  await client.close()
  before.kill('SIGTERM')
  await before.finished
}

/** The newest value of each line of a chart, from its table. */
async function valuesOf(page: BrowserPage, chart: string): Promise<Readonly<Record<string, string>>> {
  const rows = await page.run(`(() => {
    const found = [...document.querySelectorAll('.chart')].find(({ innerText }) => innerText.startsWith(${JSON.stringify(chart)}))
    return [...(found?.querySelectorAll('tbody tr') ?? [])].map(({ cells }) => [...cells].slice(0, 2).map(({ innerText }) => innerText.trim()))
  })()`)
  return Object.fromEntries(rows as [string, string][])
}

async function rulesOn(page: BrowserPage): Promise<unknown> {
  return page.run(
    `[...document.querySelectorAll('#access tbody tr')].map(({ innerText }) => innerText.replaceAll(/\\s+/g, ' ').trim())`,
  )
}

function expectQuiet(page: BrowserPage): void {
  expect(page.requests.filter((url) => !url.startsWith(address))).toEqual([])
  expect(page.problems).toEqual([])
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}

function operatorUrlOf({ log }: Serving): string {
  return `${log.find(({ operator }) => operator !== undefined)?.operator}/`
}
