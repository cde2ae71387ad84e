/** `demo`: the whole story on this machine, against a real relay with a store in a scratch folder. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { pino } from 'pino'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import { startStandalone } from '../relays/standalone/standalone.ts'
import { lmdbStore } from '../storage/lmdb.ts'
import { loadCiphersuite } from './demo/mls.ts'
import { arrive } from './demo/person.ts'
import { type Scene, type Step, story } from './demo/story.ts'
import { createVerifier } from './verify-event.ts'
import { readVersion } from './version.ts'

type Tell = (line: string) => void

export function demoCommand(): Command {
  return new Command('demo').action(async () => {
    if (!(await demo())) process.exitCode = 1
  })
}

/** Resolves to whether every step held. */
async function demo(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'keypackage-gateway-'))
  try {
    return await withRelay(folder, (url) => playOn(url, tell))
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function withRelay<Result>(folder: string, act: (url: string) => Promise<Result>): Promise<Result> {
  const store = lmdbStore({ path: folder })
  const log = pino({ level: 'silent' })
  const gateway = new KeyPackageGateway({ store, log, verifyEvent: await createVerifier() })
  const server = await startStandalone({ gateway, store, log, version: readVersion() })
  try {
    return await act(server.url)
  } finally {
    await server.close()
    gateway.close()
    await store.close()
  }
}

/** Plays the story on a relay that is there. Resolves to whether every step held, once `tell` has heard all. */
export async function playOn(url: string, tell: Tell): Promise<boolean> {
  tell(`A relay for MLS key packages serves on ${url}, its store in a scratch folder.\n`)
  const [alice, bob, carol] = [arrive('Alice', url), arrive('Bob', url), arrive('Carol', url)]
  const crowd = ['Dave', 'Erin', 'Frank', 'Grace'].map((name) => arrive(name, url))
  const suite = await loadCiphersuite()
  try {
    return await play({ url, suite, alice, bob, carol, crowd, published: new Map(), claimed: [] }, tell)
  } finally {
    for (const { client } of [alice, bob, carol, ...crowd]) client.close()
  }
}

async function play(scene: Scene, tell: Tell): Promise<boolean> {
  for (const [index, step] of story.entries()) {
    if (!(await playStep(step, index + 1, scene, tell))) return false
  }
  tell('\nEvery step held.')
  return true
}

async function playStep(step: Step, number: number, scene: Scene, tell: Tell): Promise<boolean> {
  tell(`${String(number).padStart(2)}. ${step.title}`)
  try {
    for (const line of await step.play(scene)) tell(`      ${line}`)
    return true
  } catch (error) {
    tell(`      FAILED: ${(error as Error).message}`)
    return false
  }
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}
