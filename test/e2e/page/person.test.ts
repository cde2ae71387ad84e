/** The page of a real `serve`, as a person uses it in a real browser: with an extension that signs, by mouse and by keyboard. */

import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Browser } from '../../support/browser.ts'
import { BrowserPage } from '../../support/browser-page.ts'
import { type Serving, serveCli } from '../../support/cli.ts'
import { Client } from '../../support/client.ts'
import { mdkEvent, pikaEvent } from '../../support/generations.ts'
import { person } from '../../support/people.ts'
import { photographs } from './photographs.ts'

// Where there is no browser yet, it is installed first.
jest.setTimeout(300_000)

const [alice, bob, carol] = [person('alice'), person('bob'), person('carol')]
const SHIFT = 8

let browser: Browser
let serving: Serving

beforeAll(async () => {
  browser = await Browser.start()
  serving = await serveCli([
    ...[
      '--store',
      'memory:',
      '--server-name',
      'A relay for tests',
      '--server-contact',
      'mailto:us@example.com',
    ],
    ...[
      '--server-description',
      'Key packages of the tests.',
      '--server-icon',
      'https://example.com/icon.png',
    ],
  ])
})
afterAll(async () => {
  serving.kill('SIGTERM')
  await Promise.all([browser.close(), serving.finished])
})

const address = () => `${serving.url.replace(/^ws/, 'http')}/`
const open = (signer?: typeof alice) => BrowserPage.open(browser, address(), signer)

describe('somebody without an extension', () => {
  it('reads what this relay is, and how to sign in', async () => {
    const page = await open()
    await page.untilText('header h1', 'A relay for tests')
    expect(await page.text('#about')).toContain('Key packages of the tests.')
    expect(await page.text('#about')).toContain('us@example.com')
    expect(await page.text('#about')).toMatch(/Asking for one author 10 times in 1 hour/)
    await page.untilText('#packages', 'No Nostr extension was found')
    await photographs(page, 'person-signed-out')
    expectQuiet(page)
  })

  it('gets no picture from another host, but a link to it', async () => {
    const page = await open()
    await page.untilText('#about', 'example.com/icon.png')
    expect(await page.run(`document.querySelectorAll('img').length`)).toBe(0)
    expectQuiet(page)
  })

  it('gets to the content first with the keyboard', async () => {
    const page = await open()
    await page.untilText('header h1', 'A relay for tests')
    await page.key('Tab')
    expect(await page.focused()).toBe('Skip to the content')
    await page.key('Tab')
    expect(await page.focused()).toBe('Your packages')
  })
})

describe('somebody with an extension', () => {
  let client: Client
  beforeAll(async () => {
    client = await Client.greeted(serving.url)
    await publish(client, await pikaEvent(alice, { createdAt: now() - 7200 }))
    for (let count = 0; count < 2; count += 1)
      await publish(client, await pikaEvent(alice, { createdAt: now() }))
    await publish(client, await mdkEvent(alice, { createdAt: now() }))
  })
  afterAll(() => client.close())

  it('is told that they are not signed in if they refuse', async () => {
    const page = await open(alice)
    page.signer = 'nobody'
    await page.press('Sign in')
    await page.untilText('#packages [role=alert]', 'You are not signed in. The user said no.')
  })

  it('sees their own packages, and how many are left', async () => {
    const page = await signedIn()
    expect(await page.text('.stock')).toContain('3 fresh one-time packages')
    expect(await page.text('.stock')).toContain('Fewer than 5 are fresh')
    expect(await rowsOf(page)).toEqual([
      expect.stringMatching(/^(Slot|One-time) /),
      expect.stringMatching(/^(Slot|One-time) /),
      expect.stringMatching(/^(Slot|One-time) /),
      expect.stringMatching(
        /^One-time .* Fresh Nobody has it yet never 2 hours ago in 3 months|days Delete…$/,
      ),
    ])
    expect(await page.text('#announcements')).toBe('This relay keeps 4 key packages for you.')
    await photographs(page, 'person-signed-in')
    expectQuiet(page)
  })

  it('sees that one was handed out', async () => {
    expect(await claimed(alice)).toBe(1)
    const page = await signedIn()
    expect(await page.text('.stock')).toContain('2 fresh one-time packages')
    expect((await rowsOf(page)).length).toBe(3)
  })

  it('sees that the last one is shared, and how often it was handed out', async () => {
    await publish(client, await pikaEvent(carol, { createdAt: now() }))
    for (let count = 0; count < 2; count += 1) expect(await claimed(carol)).toBe(1)
    const page = await signedIn(carol)
    expect(await page.text('.stock')).toContain('The last one is shared by all who ask.')
    expect(await rowsOf(page)).toEqual([
      expect.stringContaining('Shared Handed out, and kept for whoever asks next'),
    ])
    expect((await rowsOf(page))[0]).toMatch(/ (once|twice) /)
    await photographs(page, 'person-last-one')
    expectQuiet(page)
  })

  it('sees none of somebody else', async () => {
    const page = await signedIn(bob)
    expect(await page.text('#packages')).toContain('There are no key packages of yours here')
  })

  it('deletes one, asked first, with the keyboard alone', async () => {
    const page = await signedIn()
    const before = await rowsOf(page)
    await page.run(`document.querySelector('#packages td button').focus()`)
    const button = await page.focused()
    expect(button).toMatch(/^Delete (slot|one-time) package \w{8}…$/)
    await page.key('Enter')
    await page.untilText('dialog', 'It never comes back')
    expect(await page.focused()).toBe('Cancel')
    await page.key('Tab', SHIFT)
    expect(
      await page.run(
        `document.querySelector('dialog').contains(document.activeElement) || document.activeElement === document.body`,
      ),
    ).toBe(true)
    await page.key('Escape')
    await page.until(`document.querySelector('dialog') === null`)
    expect(await page.focused()).toBe(button)
    expect(await rowsOf(page)).toEqual(before)

    await page.key('Enter')
    await page.untilText('dialog', 'It never comes back')
    await photographs(page, 'person-confirm')
    await page.key('Tab')
    expect(await page.focused()).toBe('Delete')
    await page.key('Enter')
    await page.untilText('#announcements', 'The key package is deleted.')
    await page.until(`document.querySelectorAll('#packages tbody tr').length === ${before.length - 1}`)
    expect(await page.focused()).toBe('All of them, newest first')
    expect(await rowsOf(page)).toEqual(before.slice(1))
    expectQuiet(page)
  })

  it('deletes all, and they do not come back (I3)', async () => {
    const kept = await pikaEvent(alice, { createdAt: now() })
    await publish(client, kept)
    const page = await signedIn()
    await page.press('Delete all…')
    await page.untilText('dialog', 'Delete all your key packages?')
    await page.press('Delete all', 'dialog')
    await page.untilText('#packages', 'There are no key packages of yours here')
    expect(await page.text('#announcements')).toBe('All your key packages are deleted.')
    expect(await client.ask('EVENT', kept)).toEqual([
      'OK',
      kept.id,
      true,
      expect.stringContaining('duplicate:'),
    ])
    await page.press('Refresh')
    await page.untilText('#packages', 'There are no key packages of yours here')
    expectQuiet(page)
  })

  it('signs out', async () => {
    const page = await signedIn()
    await page.press('Sign out')
    await page.untilText('#packages', 'Sign in to see the key packages')
    expect(await page.text('#packages')).not.toContain('npub1')
  })

  /** How many packages somebody gets who asks for them. */
  async function claimed({ pubkey }: typeof alice): Promise<number> {
    const asking = await Client.greeted(serving.url)
    const { events } = await asking.request('add', { kinds: [443], authors: [pubkey] })
    await asking.close()
    return events.length
  }

  async function signedIn(who = alice): Promise<BrowserPage> {
    const page = await open(who)
    await page.press('Sign in')
    await page.untilText('.stock', 'fresh')
    return page
  }
})

describe('somebody who inspects an event', () => {
  let page: BrowserPage
  beforeEach(async () => {
    page = await open()
  })

  it('reads whose apps accept it, and that no check fails', async () => {
    await inspect(JSON.stringify(await pikaEvent(alice, { createdAt: now() })))
    expect(await verdicts()).toEqual(['NIP-EE accepts it', 'MIP-00 accepts it', 'Marmot refuses it'])
    expect(await page.text('.verdicts')).toContain('Its clients ask for kind 30443 alone.')
    expect(await failures()).toEqual([])
    expect(await page.focused()).toBe('Who accepts it')
    await page.press('What is in it')
    expect(await page.text('.fields')).toContain(alice.pubkey)
    await photographs(page, 'person-inspected')
    expectQuiet(page)
  })

  it('reads which check fails, and why', async () => {
    const event = await mdkEvent(alice, { createdAt: now() })
    await inspect(JSON.stringify(['EVENT', 'sub', { ...event, sig: 'f'.repeat(128) }]))
    expect(await failures()).toEqual(['Event Failed The signature is wrong.'])
    expect(await verdicts()).toEqual(['NIP-EE refuses it', 'MIP-00 refuses it', 'Marmot refuses it'])
    await photographs(page, 'person-inspected-refused')
  })

  it.each([
    ['no event', '{"kind":443}', 'This is not an event'],
    ['no object', '[]', 'This is not an event'],
  ])('reads that %s is none', async (_what, text, expected) => {
    await inspect(text)
    await page.untilText('.inspection h3', expected)
    expect(await failures()).toEqual([expect.stringMatching(/^Event Failed /)])
  })

  it('reads that text is no JSON', async () => {
    await page.fill('A key package event', '{"kind":443,')
    await page.press('Inspect')
    await page.untilText('#inspect [role=alert]', 'This is not JSON')
    expect(await page.violations()).toEqual([])
  })

  it('sends it nowhere', async () => {
    const event = await pikaEvent(alice, { createdAt: now() })
    await inspect(JSON.stringify(event))
    const sent = page.requests.filter((url) => !url.includes('/assets/'))
    expect(sent).toEqual([address(), `${address()}api/v1/information`])
  })

  async function inspect(text: string): Promise<void> {
    await page.fill('A key package event', text)
    await page.press('Inspect')
    await page.until(`document.querySelector('.inspection') !== null`)
  }

  async function verdicts(): Promise<unknown> {
    return page.run(
      `[...document.querySelectorAll('.verdict')].map(({ innerText }) => innerText.replaceAll(/\\s+/g, ' '))`,
    )
  }

  async function failures(): Promise<unknown> {
    return page.run(
      `[...document.querySelectorAll('.checks li.refused')].map(({ innerText }) => innerText.replaceAll(/\\s+/g, ' '))`,
    )
  }
})

describe('behind a relay, below a path', () => {
  it('works the same', async () => {
    const proxy = await serveCli(['--store', 'memory:', '--upstream', serving.url])
    const client = await Client.greeted(proxy.url)
    await publish(client, await pikaEvent(bob, { createdAt: now() }))
    await client.close()
    const base = `${proxy.url.replace(/^ws/, 'http')}/keypackages/`
    const page = await BrowserPage.open(browser, base, bob)
    await page.press('Sign in')
    await page.untilText('.stock', '1 fresh one-time package')
    expect(page.requests.filter((url) => !url.startsWith(base))).toEqual([])
    expect(page.problems).toEqual([])
    proxy.kill('SIGTERM')
    await proxy.finished
  })
})

describe("at an address that is not the relay's own", () => {
  it('says where to sign in', async () => {
    const server = await serveCli(['--store', 'memory:', '--public-url', 'wss://relay.example.com/inbox'])
    const page = await BrowserPage.open(browser, `${server.url.replace(/^ws/, 'http')}/`, alice)
    await page.press('Sign in')
    await page.untilText('#packages .problem', 'To sign in, open this page at https://relay.example.com,')
    server.kill('SIGTERM')
    await server.finished
  })
})

describe('with a clock that is wrong', () => {
  it('says so', async () => {
    const page = await open(alice)
    await page.run('{ const now = Date.now; Date.now = () => now() - 120_000 }')
    await page.press('Sign in')
    await page.untilText('#packages .problem', "Your clock and the relay's differ by more than a minute.")
  })
})

describe('while the server is away', () => {
  it('says so, and works again afterwards', async () => {
    const server = await serveCli(['--store', 'memory:'])
    const page = await BrowserPage.open(browser, `${server.url.replace(/^ws/, 'http')}/`, alice)
    await page.press('Sign in')
    await page.untilText('.stock', '0 fresh')
    server.kill('SIGTERM')
    await server.finished
    await page.press('Refresh')
    await page.untilText('#packages [role=alert]', 'The server does not answer')
    const again = await serveCli(['--store', 'memory:', '--listen', new URL(server.url).host])
    await page.press('Refresh')
    await page.until(`document.querySelector('#packages [role=alert]').innerText === ''`)
    again.kill('SIGTERM')
    await again.finished
  })
})

/** No request went to another host, and neither the page nor the browser complains. */
function expectQuiet(page: BrowserPage): void {
  expect(page.requests.filter((url) => !url.startsWith(address()))).toEqual([])
  expect(page.problems).toEqual([])
}

async function publish(client: Client, event: SignedEvent): Promise<void> {
  client.send(['EVENT', event])
  expect((await client.until('OK', event.id)).at(-1)).toEqual(['OK', event.id, true, ''])
}

async function rowsOf(page: BrowserPage): Promise<readonly string[]> {
  const rows = await page.run(
    `[...document.querySelectorAll('#packages tbody tr')].map(({ innerText }) => innerText.replaceAll(/\\s+/g, ' ').trim())`,
  )
  return rows as string[]
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}
