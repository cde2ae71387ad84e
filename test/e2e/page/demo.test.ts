/** `demo --keep` as a newcomer meets it: the addresses that it prints open, what they show moves, and nothing is left of it. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { Browser } from '../../support/browser.ts'
import { BrowserPage } from '../../support/browser-page.ts'
import { MAIN } from '../../support/cli.ts'
import { eventually } from '../../support/eventually.ts'
import { http } from '../../support/http.ts'
import { startProcess } from '../../support/processes.ts'
import { scratch } from '../../support/scratch.ts'

// Where there is no browser yet, it is installed first.
jest.setTimeout(300_000)

const NEXT_SAMPLES_MS = 40_000

const folder = scratch()
let browser: Browser
let demo: ChildProcess
let addresses: readonly string[]

beforeAll(async () => {
  browser = await Browser.start()
  const child = startProcess(process.execPath, [MAIN, 'demo', '--keep'], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  demo = child
  addresses = await addressesOf(child)
})
afterAll(() => browser.close())

const addressOf = (name: string) => addresses.find((address) => address.endsWith(name)) ?? ''

describe('demo --keep', () => {
  it("shows Alice's packages after one press, without an extension", async () => {
    const page = await BrowserPage.open(browser, addressOf('?as=alice'))
    await page.press('Sign in')
    await page.untilText('.stock', /\d fresh one-time package/)
    expect(await page.text('#packages')).toContain('Reusable')
    expect(page.problems).toEqual([])
  })

  it.each([
    ['bob', 'The last one is shared by all who ask.'],
    ['carol', /in \d+ (hours|minutes)/],
  ])('shows the packages of %s', async (name, expected) => {
    const page = await BrowserPage.open(browser, addressOf(`?as=${name}`))
    await page.press('Sign in')
    await page.untilText('#packages', expected)
    expect(page.problems).toEqual([])
  })

  it('shows the operator an hour that moves on, who runs low, and bans that can be lifted', async () => {
    const page = await BrowserPage.open(browser, addressOf('?as=operator'))
    await page.untilText('#hour', 'Over a limit')
    await page.untilText('#low', 'nothing left')
    await page.press('Sign in')
    await page.press('Lift the ban of 203.0.113.66')
    await page.press('Lift the ban', 'dialog')
    await page.untilText('#announcements', 'The ban is lifted.')
    const claims = () => page.text('.chart')
    const before = await claims()
    await eventually(
      'the chart of claims has moved',
      async () => (await claims()) !== before,
      NEXT_SAMPLES_MS,
    )
    expect(page.problems).toEqual([])
    const origin = new URL(addressOf('?as=operator')).origin
    expect(page.requests.filter((url) => !url.startsWith(origin))).toEqual([])
  })

  it('shows everybody else the page without the stand-in', async () => {
    const address = addresses.find((each) => /:\d+\/$/.test(each)) ?? ''
    const page = await BrowserPage.open(browser, address)
    await page.untilText('#packages', 'No Nostr extension was found')
    expect(await page.text('header h1')).toBe('Demo relay')
  })

  it('signs for its own page alone', async () => {
    const url = new URL('demo/sign?as=alice', addressOf('?as=alice'))
    const body = JSON.stringify({ kind: 1, created_at: 1, tags: [], content: '' })
    const { body: answer } = await http(url, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'cross-site' },
      body,
    })
    expect(answer).not.toContain('sig')
  })

  it('ends with Ctrl-C, and removes its store', async () => {
    expect(readdirSync(folder).length).toBe(1)
    const ended = once(demo, 'exit')
    demo.kill('SIGINT')
    expect(await ended).toEqual([0, null])
    expect(readdirSync(folder)).toEqual([])
  })
})

it('ends with Ctrl-C while it makes up the week, too', async () => {
  const empty = scratch()
  const child = startProcess(process.execPath, [MAIN, 'demo', '--keep'], {
    env: { ...process.env, TMPDIR: empty },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  child.kill('SIGINT')
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(readdirSync(empty)).toEqual([])
})

/** The addresses that it has printed once it says how it ends. */
async function addressesOf(child: ChildProcess): Promise<readonly string[]> {
  if (child.stdout === null) throw new Error('its stdout is not ours')
  const found: string[] = []
  for await (const line of createInterface(child.stdout)) {
    const [, address] = /^ {2}(http:\S+)/.exec(line) ?? []
    if (address !== undefined) found.push(address)
    if (line.includes('Ctrl-C')) return found
  }
  throw new Error(`it ended: ${found.join(' ')}`)
}
