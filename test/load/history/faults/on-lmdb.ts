/** Faults of a gateway on LMDB: it is killed, its clients and its clock are disturbed, its store is held or full. */

import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lockLmdb } from '../../../support/lmdb-holder.ts'
import { scratch } from '../../../support/scratch.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { Fault, Harm, Stage } from '../stage.ts'
import { cutClients, killOne, noHarm, stepClock } from './of-gateways.ts'

export const LMDB_FAULTS: readonly Fault[] = [
  { name: 'none-lmdb', promised: 'yes', open: () => onLmdb(() => noHarm) },
  { name: 'kill-gateway-lmdb', promised: 'yes', open: () => onLmdb(killOne) },
  { name: 'cut-clients-lmdb', promised: 'yes', open: () => onLmdb(() => cutClients) },
  { name: 'clock-steps-lmdb', promised: 'yes', open: () => onLmdb(stepClock) },
  { name: 'leave-held-lmdb', promised: 'yes', open: () => onLmdb((_gateways, path) => leaveHeld(path)) },
  { name: 'full-disk-lmdb', promised: 'yes', missing: whyNoDisk, open: onSmallDisk },
]

async function onLmdb(
  harm: (gateways: readonly GatewayProcess[], path: string) => Harm,
  path = join(scratch(), 'store'),
): Promise<Stage> {
  const gateways = [new GatewayProcess({ store: `lmdb:${path}` })]
  return { gateways, harm: harm(gateways, path), close: async () => {} }
}

/** Another process holds the store inside a write while clients claim and leave. */
function leaveHeld(path: string): Harm {
  return async (clients, random) => {
    await clients.begun(1 + random(20))
    const holder = await lockLmdb(path)
    await clients.claimAndLeave()
    await holder.proceed()
  }
}

const DISK_MB = 16

function whyNoDisk(): string | undefined {
  const disk = mountDisk()
  if (disk === undefined) return 'it mounts a small disk (tmpfs), which only root can'
  disk.unmount()
  return undefined
}

function mountDisk(): { readonly path: string; unmount(): void } | undefined {
  const path = scratch()
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', path])
  if (status !== 0) return undefined
  const unmount = () => {
    process.off('exit', unmount)
    spawnSync('umount', ['--lazy', path])
  }
  process.on('exit', unmount)
  return { path, unmount }
}

async function onSmallDisk(): Promise<Stage> {
  const disk = mountDisk()
  if (disk === undefined) throw new Error('the disk is not mounted')
  const stage = await onLmdb(() => fill(join(disk.path, 'ballast')), join(disk.path, 'store'))
  return { ...stage, close: async () => disk.unmount() }
}

/** Nothing is left on the disk; then there is room again. */
function fill(ballast: string): Harm {
  return async (clients, random) => {
    await clients.begun(1 + random(20))
    try {
      writeFileSync(ballast, Buffer.alloc(2 * DISK_MB * 1_048_576))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
    await clients.begun(20)
    rmSync(ballast, { force: true })
  }
}
