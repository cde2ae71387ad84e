/** Headless Chromium, controlled over the Chrome DevTools Protocol. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { WebSocket } from 'ws'
import { eventually } from './eventually.ts'
import { startProcess } from './processes.ts'
import { requiredProgram } from './programs.mjs'
import { scratch } from './scratch.ts'

/** What the protocol answers to a command. */
interface Reply {
  readonly id: number
  readonly result: Readonly<Record<string, unknown>>
  readonly error?: unknown
}

/** What the browser says unasked. */
export interface BrowserEvent {
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
  readonly sessionId?: string
}

/** Sends a command to one page. */
export type PageCommand = (method: string, params?: object) => Promise<Reply['result']>

/** What a command in a page came to. */
interface Evaluated {
  readonly result?: { readonly value?: unknown }
  readonly exceptionDetails?: unknown
}

export class Browser {
  readonly #process: ChildProcess
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  readonly #listeners = new Map<string, (event: BrowserEvent) => void>()
  #commands = 0

  private constructor(process: ChildProcess, socket: WebSocket) {
    this.#process = process
    this.#socket = socket
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Reply | BrowserEvent
      if ('id' in message) this.#waiting.get(message.id)?.(message)
      else this.#listeners.get(message.sessionId ?? '')?.(message)
    })
  }

  /** @throws Error saying how to get one */
  static async start(): Promise<Browser> {
    const program = requiredProgram('Chromium')
    const child = startProcess(
      program,
      // A test may run as root, where Chromium's sandbox does not start; it sees our own pages alone.
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--remote-debugging-port=0',
        `--user-data-dir=${scratch()}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const socket = new WebSocket(await addressOf(child))
    await once(socket, 'open')
    return new Browser(child, socket)
  }

  /** Opens a page; resolves with how to run a function's text in it once it is loaded. */
  async open(url: string): Promise<(call: string) => Promise<unknown>> {
    const command = await this.attach(url)
    const evaluate = (expression: string) => evaluateIn(command, expression)
    const loaded = `location.href === ${JSON.stringify(url)} && document.readyState === 'complete'`
    await eventually(`${url} is loaded`, () => evaluate(loaded))
    return evaluate
  }

  /** Opens a page, and resolves with what sends commands to it. `listener` is told all that the page says unasked. */
  async attach(url: string, listener: (event: BrowserEvent) => void = () => undefined): Promise<PageCommand> {
    const { targetId } = await this.#command('Target.createTarget', { url })
    const { sessionId } = await this.#command('Target.attachToTarget', { targetId, flatten: true })
    this.#listeners.set(String(sessionId), listener)
    return (method, params = {}) => this.#command(method, params, sessionId)
  }

  async close(): Promise<void> {
    const ended = once(this.#process, 'exit')
    await this.#command('Browser.close', {})
    await ended
  }

  async #command(method: string, params: object, sessionId?: unknown): Promise<Reply['result']> {
    this.#commands += 1
    const id = this.#commands
    const answered = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve))
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }))
    const { result, error } = await answered
    this.#waiting.delete(id)
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`)
    return result
  }
}

/** The value of an expression in a page, once it has resolved. */
export async function evaluateIn(command: PageCommand, expression: string): Promise<unknown> {
  const settings = { expression, awaitPromise: true, returnByValue: true }
  const evaluated: Evaluated = await command('Runtime.evaluate', settings)
  if (evaluated.exceptionDetails !== undefined) throw new Error(JSON.stringify(evaluated.exceptionDetails))
  return evaluated.result?.value
}

/** Where it listens for commands, which it says on stderr. */
function addressOf(child: ChildProcess): Promise<string> {
  const said: string[] = []
  return new Promise((resolve, reject) => {
    if (child.stderr === null) throw new Error('its stderr is not ours')
    createInterface(child.stderr).on('line', (line) => {
      said.push(line)
      const [, address] = /^DevTools listening on (ws:\S+)/.exec(line) ?? []
      if (address !== undefined) resolve(address)
    })
    child.once('exit', () => reject(new Error(`the browser has ended: ${said.join('\n')}`)))
  })
}
