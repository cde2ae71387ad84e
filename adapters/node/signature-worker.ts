/** A thread of the signature pool: verifies the events it is given, and says which are valid. */

import { parentPort } from 'node:worker_threads'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { createVerifier } from './verify-event.ts'

/** Events to verify, each with a number by which its result is known. */
export type Questions = readonly (readonly [number: number, event: SignedEvent])[]

/** Whether the event of each number is valid; `ready` once, before the first. */
export type Results = 'ready' | readonly (readonly [number: number, isValid: boolean])[]

const port = parentPort
if (port === null) throw new Error('this file is the program of a worker thread')
const verify = await createVerifier()
const tell = (results: Results) => port.postMessage(results)
port.on('message', (questions: Questions) =>
  tell(questions.map(([number, event]) => [number, verify(event)])),
)
tell('ready')
