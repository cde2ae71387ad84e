/**
 * A page in headless Chromium as a person has it: a screen, a colour scheme, a keyboard, and an extension that signs (NIP-07). It
 * notes each request, and whatever the page or the browser complains of.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import axe from 'axe-core'
import { type Browser, type BrowserEvent, evaluateIn, type PageCommand } from './browser.ts'
import { eventually } from './eventually.ts'
import type { Person } from './people.ts'
import { signEvent } from './signing.ts'

export interface Look {
  readonly width: number
  readonly scheme: 'light' | 'dark'
}

/** Those of every screenshot: a phone and a desktop, light and dark. */
export const LOOKS: readonly Look[] = [360, 1280].flatMap((width) => [
  { width, scheme: 'light' as const },
  { width, scheme: 'dark' as const },
])

interface Violation {
  readonly id: string
  readonly impact: string
  readonly help: string
  readonly nodes: readonly string[]
}

const BINDING = 'signInTest'
/** The extension of a person whom the test plays: it asks the test to sign. No request carries the event, which the CSP would stop. */
const EXTENSION = `{
  const waiting = new Map()
  window.signedInTest = (id, signed) => {
    const { resolve, reject } = waiting.get(id)
    if (signed === null) reject(new Error('the user said no'))
    else resolve(signed)
  }
  const ask = (request) => new Promise((resolve, reject) => {
    const id = String(waiting.size)
    waiting.set(id, { resolve, reject })
    window.${BINDING}(JSON.stringify({ id, ...request }))
  })
  window.nostr = {
    getPublicKey: () => ask({ method: 'getPublicKey' }),
    signEvent: (event) => ask({ method: 'signEvent', event }),
  }
}`

const HEIGHT = 900

export class BrowserPage {
  readonly #command: PageCommand
  /** The addresses of all requests. */
  readonly requests: string[] = []
  /** Errors on the console, uncaught exceptions, and what the Content-Security-Policy stopped. */
  readonly problems: string[] = []
  #signer: Person | 'nobody' = 'nobody'

  private constructor(command: PageCommand) {
    this.#command = command
  }

  /** Opens a page; with `signer`, there is an extension in it. */
  static async open(browser: Browser, url: string, signer?: Person): Promise<BrowserPage> {
    const events: BrowserEvent[] = []
    let listen = (event: BrowserEvent): void => {
      events.push(event)
    }
    const command = await browser.attach('about:blank', (event) => listen(event))
    const page = new BrowserPage(command)
    listen = (event) => page.#hear(event)
    events.forEach(listen)
    for (const domain of ['Page', 'Runtime', 'Network', 'Log', 'Audits']) await command(`${domain}.enable`)
    if (signer !== undefined) {
      page.#signer = signer
      await command('Runtime.addBinding', { name: BINDING })
      await command('Page.addScriptToEvaluateOnNewDocument', { source: EXTENSION })
    }
    await page.look({ width: 1280, scheme: 'light' })
    await command('Page.navigate', { url })
    await page.until(`document.readyState === 'complete' && location.href !== 'about:blank'`)
    return page
  }

  /** The value of an expression. */
  run(expression: string): Promise<unknown> {
    return evaluateIn(this.#command, expression)
  }

  /** Waits until an expression holds. */
  async until(expression: string): Promise<void> {
    await eventually(expression, () => this.run(expression))
  }

  /** The visible text of an element, white space made single; empty if it is not there. */
  async text(selector: string): Promise<string> {
    const text = await this.run(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`)
    return String(text).replaceAll(/\s+/g, ' ').trim()
  }

  /** Waits until an element says something. */
  async untilText(selector: string, expected: string | RegExp): Promise<void> {
    const says = (text: string) =>
      typeof expected === 'string' ? text.includes(expected) : expected.test(text)
    let text = ''
    try {
      await eventually('text', async () => {
        text = await this.text(selector)
        return says(text)
      })
    } catch {
      throw new Error(`${selector} does not say ${expected}, but: ${text}`)
    }
  }

  /** Presses the button whose accessible name begins so, as a person who points at it. */
  async press(name: string, within = 'body'): Promise<void> {
    const found = `[...document.querySelectorAll('${within} :is(button, summary)')].find((button) =>
      (button.getAttribute('aria-label') ?? button.innerText).startsWith(${JSON.stringify(name)}) && !button.disabled)`
    await this.until(`${found} !== undefined`)
    await this.run(`${found}.click()`)
  }

  /** Types into the field with this label, in place of what is there. */
  async fill(label: string, text: string): Promise<void> {
    await this.run(`{
      const label = [...document.querySelectorAll('label')].find(({ innerText }) => innerText.startsWith(${JSON.stringify(label)}))
      const field = document.getElementById(label.htmlFor)
      field.focus()
      field.select?.()
    }`)
    await this.#command('Input.insertText', { text })
  }

  /** Presses a key, such as `Tab`, `Enter` or `Escape`. */
  async key(key: string, modifiers = 0): Promise<void> {
    const codes: Readonly<Record<string, number>> = { Tab: 9, Enter: 13, Escape: 27 }
    const text = key === 'Enter' ? { text: '\r' } : {}
    const common = { key, code: key, windowsVirtualKeyCode: codes[key] ?? 0, modifiers, ...text }
    await this.#command('Input.dispatchKeyEvent', { type: 'keyDown', ...common })
    await this.#command('Input.dispatchKeyEvent', { type: 'keyUp', ...common })
  }

  /** The accessible name of what has the focus. */
  async focused(): Promise<string> {
    const name = await this.run(
      `document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText ?? ''`,
    )
    return String(name).trim()
  }

  async look({ width, scheme }: Look): Promise<void> {
    const metrics = { width, height: HEIGHT, deviceScaleFactor: 1, mobile: false }
    await this.#command('Emulation.setDeviceMetricsOverride', metrics)
    const features = [
      { name: 'prefers-color-scheme', value: scheme },
      { name: 'prefers-reduced-motion', value: 'reduce' },
    ]
    await this.#command('Emulation.setEmulatedMedia', { features })
  }

  /** The whole page as a PNG file. */
  async screenshot(file: string): Promise<void> {
    const frames = `new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))`
    await this.run(frames)
    const { data } = await this.#command('Page.captureScreenshot', { captureBeyondViewport: true })
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, Buffer.from(String(data), 'base64'))
  }

  /** Whether anything is cut off at the right, or the page scrolls sideways. */
  async isTooWide(): Promise<boolean> {
    return (
      (await this.run('document.documentElement.scrollWidth > document.documentElement.clientWidth')) === true
    )
  }

  /** What axe-core finds that is serious or critical (WCAG 2.2 A and AA, and best practices). */
  async violations(): Promise<Violation[]> {
    await this.run(`${axe.source};true`)
    const found = await this.run(`axe.run(document).then(({ violations }) => violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.map(({ html }) => html) })))`)
    return found as Violation[]
  }

  /** From now on the extension's user is somebody else, or refuses. */
  set signer(signer: Person | 'nobody') {
    this.#signer = signer
  }

  #hear({ method, params }: BrowserEvent): void {
    if (method === 'Runtime.bindingCalled') void this.#sign(String(params.payload))
    if (method === 'Network.requestWillBeSent') {
      const { request } = params as { request: { url: string } }
      this.requests.push(request.url)
    }
    if (method === 'Runtime.exceptionThrown') this.problems.push(JSON.stringify(params.exceptionDetails))
    if (method === 'Audits.issueAdded') this.problems.push(JSON.stringify(params.issue))
    if (method === 'Log.entryAdded') {
      const { entry } = params as { entry: { level: string; text: string; url?: string } }
      if (entry.level === 'error') this.problems.push(`${entry.text} ${entry.url ?? ''}`)
    }
    if (method === 'Runtime.consoleAPICalled' && params.type === 'error')
      this.problems.push(JSON.stringify(params.args))
  }

  async #sign(payload: string): Promise<void> {
    const { id, method, event } = JSON.parse(payload)
    const answer = () => {
      if (this.#signer === 'nobody') return null
      return method === 'getPublicKey' ? this.#signer.pubkey : signEvent(this.#signer.secretKey, event)
    }
    await this.run(`window.signedInTest(${JSON.stringify(id)}, ${JSON.stringify(answer())})`)
  }
}
