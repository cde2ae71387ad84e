/** A thread of the signature pool: verifies the events it is given, and says which are valid. */

import { getPriority, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { createVerifier } from './verify-event.ts'

/** Events to verify, each with a number by which its result is known. */
export type Questions = readonly (readonly [number: number, event: SignedEvent])[]

/** Whether the event of each number is valid; `ready` once, before the first. */
export type Results = 'ready' | readonly (readonly [number: number, isValid: boolean])[]

const LATER = 5
const MAX_NICENESS = 19

const port = parentPort
if (port === null) throw new Error('this file is the program of a worker thread')
// On Linux, this is the priority of the calling thread (setpriority(2)): the thread that answers clients comes first.
if (process.platform === 'linux') setPriority(Math.min(MAX_NICENESS, getPriority() + LATER))
const verify = await createVerifier()
const tell = (results: Results) => port.postMessage(results)
port.on('message', (questions: Questions) =>
  tell(questions.map(([number, event]) => [number, verify(event)])),
)
tell('ready')
