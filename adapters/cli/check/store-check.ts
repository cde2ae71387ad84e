/** Whether the store can be opened, what is in it, and whether there is room for more. Never creates one. */

import { constants, existsSync } from 'node:fs'
import { access, statfs } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Logger } from '../../../plugin/context.ts'
import { SettingsError } from '../../../plugin/settings.ts'
import type { MovableStore } from '../../../plugin/store.ts'
import { openExistingStore } from '../open-store.ts'
import { reasonOf, withoutPasswords } from '../plain-words.ts'
import type { Settings } from '../settings-schema.ts'
import { counted, type Finding } from './finding.ts'

const LMDB = 'lmdb:'
const MIN_FREE_BYTES = 268_435_456
const MEBIBYTE = 1_048_576

export interface StoreReport {
  readonly findings: readonly Finding[]
  /** How far this machine's clock is ahead of the store's, in milliseconds; undefined where the store has no clock of its own. */
  readonly aheadMs?: number
}

export async function checkStore(settings: Settings): Promise<StoreReport> {
  const { store: address } = settings
  if (address === 'memory:') {
    const text = 'memory: all key packages are lost when the process ends'
    return { findings: [{ topic: 'store', outcome: 'warning', text, advice: 'set store: lmdb:PATH' }] }
  }
  const path = address.startsWith(LMDB) ? address.slice(LMDB.length) : undefined
  const room = path === undefined ? [] : await checkRoom(path)
  if (path !== undefined && !existsSync(join(path, 'data.mdb')))
    return { findings: [await checkNewPath(path), ...room] }
  const { findings, ...clock } = await checkOpening(settings)
  return { findings: [...findings, ...room], ...clock }
}

async function checkOpening(settings: Settings): Promise<StoreReport> {
  const name = withoutPasswords(settings.store)
  const { log, warnings } = collectingLog()
  try {
    const store = await openExistingStore(settings, log)
    try {
      const { authors, packages } = await store.stats()
      const text = `${name}: ${counted(packages, 'key package')} of ${counted(authors, 'author')}`
      return {
        findings: [{ topic: 'store', outcome: 'ok', text }, ...warnings()],
        ...(await clockOf(store)),
      }
    } finally {
      await store.close()
    }
  } catch (error) {
    if (!('code' in (error as Error) || error instanceof SettingsError || isStoreError(error))) throw error
    const [text = '', ...more] = (error as Error).message.split('\n')
    return { findings: [{ topic: 'store', outcome: 'failed', text, ...(more[0] && { advice: more[0] }) }] }
  }
}

function isStoreError(error: unknown): boolean {
  return (error as Error).name === 'StoreError'
}

/** What a store warns of while it is opened, as findings. */
function collectingLog(): { readonly log: Logger; warnings(): Finding[] } {
  const texts: string[] = []
  const note = (_: object, message: string) => void texts.push(message)
  return {
    log: { info() {}, warn: note, error: note },
    warnings: () => texts.map((text) => ({ topic: 'store', outcome: 'warning', text })),
  }
}

async function clockOf(store: MovableStore): Promise<Pick<StoreReport, 'aheadMs'>> {
  if (store.clock === undefined) return {}
  const began = performance.now()
  const theirs = await store.clock()
  return { aheadMs: Date.now() - (performance.now() - began) / 2 - theirs }
}

/** A server creates the store: can it? */
async function checkNewPath(path: string): Promise<Finding> {
  const folder = nearestFolder(path)
  try {
    await access(folder, constants.W_OK | constants.X_OK)
    return { topic: 'store', outcome: 'ok', text: `there is none in ${path} yet; serve creates it` }
  } catch (error) {
    return {
      topic: 'store',
      outcome: 'failed',
      text: `there is none in ${path}, and it cannot be created: ${folder}: ${reasonOf(error)}`,
      advice: 'create the directory and give it to the user of the server, or choose another store',
    }
  }
}

async function checkRoom(path: string): Promise<Finding[]> {
  const { bavail, bsize } = await statfs(nearestFolder(path))
  const free = bavail * bsize
  if (free >= MIN_FREE_BYTES) return []
  const text = `only ${Math.floor(free / MEBIBYTE)} MiB are free on its disk`
  const advice = 'make room: on a full disk nothing can be published or claimed'
  return [{ topic: 'store', outcome: 'warning', text, advice }]
}

/** The path itself, or the closest of its parents that exists. */
function nearestFolder(path: string): string {
  const here = resolve(path)
  return existsSync(here) ? here : nearestFolder(dirname(here))
}
