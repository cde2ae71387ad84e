/** What the primary process and a worker say to each other over the IPC channel of node:cluster: questions, answers and statements. */

import type { Worker } from 'node:cluster'
import type { Questions, Statements } from './topics.ts'

/** Others may use the same channel: nostream does. */
const SENDER = 'keypackage-gateway'

interface Message {
  readonly sender: typeof SENDER
  readonly topic: string
  readonly value: unknown
  /** Of a question that is to be answered. */
  readonly id?: number
  /** Of the question that this answers. */
  readonly answerTo?: number
}

/** One end of an IPC channel. */
interface End {
  /** False where much waits to be read already. `done` is called in any case. Never throws. */
  send(message: Message, done: () => void): boolean
  hear(listener: (message: unknown) => void): void
}

export class Ipc {
  readonly #end: End
  readonly #handlers = new Map<string, (value: never) => unknown>()
  readonly #asked = new Map<number, (answer: never) => void>()
  #count = 0
  #isFull = false

  constructor(end: End) {
    this.#end = end
    end.hear((message) => {
      if (isOurs(message)) void this.#receive(message)
    })
  }

  /** Sets what is done when the other end says something. */
  onStatement<Topic extends keyof Statements>(
    topic: Topic,
    handle: (value: Statements[Topic]) => void,
  ): void {
    this.#handlers.set(topic, handle)
  }

  /** Sets what answers the other end. It must not throw. */
  onQuestion<Topic extends keyof Questions>(
    topic: Topic,
    handle: (
      value: Questions[Topic]['asked'],
    ) => Questions[Topic]['answer'] | Promise<Questions[Topic]['answer']>,
  ): void {
    this.#handlers.set(topic, handle)
  }

  /** Resolves once it is on its way, or cannot be. */
  tell<Topic extends keyof Statements>(topic: Topic, value: Statements[Topic]): Promise<void> {
    return new Promise((resolve) => this.#end.send({ sender: SENDER, topic, value }, resolve))
  }

  /** The same, but lost while the other end does not read: what waits for it stays bounded (I9). */
  tellIfRead<Topic extends keyof Statements>(topic: Topic, value: Statements[Topic]): void {
    if (this.#isFull) return
    const hasRoom = this.#end.send({ sender: SENDER, topic, value }, () => {
      this.#isFull = false
    })
    this.#isFull = !hasRoom
  }

  /** Rejects never; where the other end has gone, or does not know the topic, it does not resolve either. */
  ask<Topic extends keyof Questions>(
    topic: Topic,
    value: Questions[Topic]['asked'],
  ): Promise<Questions[Topic]['answer']> {
    return new Promise((resolve) => this.#ask(topic, value, resolve))
  }

  /** The same, but undefined where there is no answer in time. */
  askWithin<Topic extends keyof Questions>(
    patienceMs: number,
    topic: Topic,
    value: Questions[Topic]['asked'],
  ): Promise<Questions[Topic]['answer'] | undefined> {
    return new Promise((resolve) => {
      const id = this.#ask(topic, value, (answer: Questions[Topic]['answer']) => {
        clearTimeout(patience)
        resolve(answer)
      })
      const patience = setTimeout(() => {
        this.#asked.delete(id)
        resolve(undefined)
      }, patienceMs)
    })
  }

  /** Returns the number under which the answer is expected. */
  #ask(topic: string, value: unknown, answered: (answer: never) => void): number {
    this.#count += 1
    const id = this.#count
    this.#asked.set(id, answered)
    this.#end.send({ sender: SENDER, topic, value, id }, () => undefined)
    return id
  }

  async #receive({ topic, value, id, answerTo }: Message): Promise<void> {
    if (answerTo !== undefined) {
      this.#asked.get(answerTo)?.(value as never)
      this.#asked.delete(answerTo)
      return
    }
    const handle = this.#handlers.get(topic)
    if (handle === undefined) return
    const answer = await handle(value as never)
    if (id !== undefined)
      this.#end.send({ sender: SENDER, topic, value: answer, answerTo: id }, () => undefined)
  }
}

const known = new WeakMap<Worker, Ipc>()

/** In the primary: always the same for a worker. */
export function ipcWith(worker: Worker): Ipc {
  const ipc = known.get(worker) ?? newIpcWith(worker)
  known.set(worker, ipc)
  return ipc
}

function newIpcWith(worker: Worker): Ipc {
  return new Ipc({
    send: (message, done) => {
      if (worker.isConnected()) return worker.send(message, undefined, undefined, () => done())
      done()
      return true
    },
    hear: (listener) => worker.on('message', listener),
  })
}

/** In a worker. Where the primary is gone, node:cluster ends this process. */
export function ipcWithPrimary(): Ipc {
  return new Ipc({
    send: (message, done) => {
      if (process.connected) return process.send?.(message, undefined, undefined, () => done()) ?? true
      done()
      return true
    },
    hear: (listener) => process.on('message', listener),
  })
}

function isOurs(message: unknown): message is Message {
  return typeof message === 'object' && message !== null && 'sender' in message && message.sender === SENDER
}
