/** `demo`: runs a relay with a temporary store on this machine, and plays the demonstration on it. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { pino } from 'pino'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import { createVerifier } from '../node/verify-event.ts'
import { startStandalone } from '../relays/standalone/standalone.ts'
import { lmdbStore } from '../storage/lmdb.ts'
import { keepDemo } from './demo/keep.ts'
import { loadCiphersuite } from './demo/mls.ts'
import { createPerson, type Scene, type Step, story } from './demo/story.ts'
import { print } from './output.ts'
import { coloured } from './style.ts'
import { readVersion } from './version.ts'

type Print = (line: string) => void

interface DemoFlags {
  readonly keep?: true
}

export function defineDemo(command: Command): Command {
  command.option('--keep', 'serve a store with a made-up week to look at in a browser, until Ctrl-C')
  return command.action(async ({ keep }: DemoFlags) => {
    if (keep) return withFolder(keepDemo)
    if (!(await withFolder(demo))) process.exitCode = 1
  })
}

/** Resolves to whether every step passed. */
function demo(folder: string): Promise<boolean> {
  return withRelay(folder, (url) => playOn(url, print))
}

async function withFolder<Result>(act: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'keypackage-gateway-'))
  try {
    return await act(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function withRelay<Result>(folder: string, act: (url: string) => Promise<Result>): Promise<Result> {
  const store = lmdbStore({ path: folder })
  const log = pino({ level: 'silent' })
  const gateway = new KeyPackageGateway({
    // Everybody in the demo is at one address.
    quota: { strangers: { max: 0 }, freshPerAddress: { max: 0 } },
    stock: { keep: 0 },
    store,
    log,
    verifyEvent: await createVerifier(),
  })
  const server = await startStandalone({ gateway, store, log, version: readVersion() })
  try {
    return await act(server.url)
  } finally {
    await server.close()
    gateway.close()
    await store.close()
  }
}

/** Plays the story on a running relay. Resolves to whether every step passed. */
export async function playOn(url: string, print: Print): Promise<boolean> {
  print(`A relay for MLS key packages runs on ${url}, with a temporary store.\n`)
  const [alice, bob, carol] = [
    createPerson('Alice', url),
    createPerson('Bob', url),
    createPerson('Carol', url),
  ]
  const crowd = ['Dave', 'Erin', 'Frank', 'Grace'].map((name) => createPerson(name, url))
  const suite = await loadCiphersuite()
  try {
    return await play({ url, suite, alice, bob, carol, crowd, published: new Map(), claimed: [] }, print)
  } finally {
    for (const { client } of [alice, bob, carol, ...crowd]) client.close()
  }
}

async function play(scene: Scene, print: Print): Promise<boolean> {
  for (const [index, step] of story.entries()) {
    if (!(await playStep(step, index + 1, scene, print))) return false
  }
  print(`\n${coloured('All steps passed.', 'good')}`)
  return true
}

async function playStep(step: Step, number: number, scene: Scene, print: Print): Promise<boolean> {
  print(`${String(number).padStart(2)}. ${step.title}`)
  try {
    for (const line of await step.play(scene)) print(`      ${line}`)
    return true
  } catch (error) {
    print(`      ${coloured('FAILED', 'bad')}: ${(error as Error).message}`)
    return false
  }
}
