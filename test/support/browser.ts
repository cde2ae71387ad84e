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

/** What a command in a page came to. */
interface Evaluated {
  readonly result?: { readonly value?: unknown }
  readonly exceptionDetails?: unknown
}

export class Browser {
  readonly #process: ChildProcess
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  #commands = 0

  private constructor(process: ChildProcess, socket: WebSocket) {
    this.#process = process
    this.#socket = socket
    socket.on('message', (data) => {
      const reply = JSON.parse(String(data)) as Reply
      this.#waiting.get(reply.id)?.(reply)
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
    const { targetId } = await this.#command('Target.createTarget', { url })
    const { sessionId } = await this.#command('Target.attachToTarget', { targetId, flatten: true })
    const evaluate = async (expression: string): Promise<unknown> => {
      const settings = { expression, awaitPromise: true, returnByValue: true }
      const evaluated: Evaluated = await this.#command('Runtime.evaluate', settings, sessionId)
      if (evaluated.exceptionDetails !== undefined)
        throw new Error(JSON.stringify(evaluated.exceptionDetails))
      return evaluated.result?.value
    }
    const loaded = `location.href === ${JSON.stringify(url)} && document.readyState === 'complete'`
    await eventually(`${url} is loaded`, () => evaluate(loaded))
    return evaluate
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
