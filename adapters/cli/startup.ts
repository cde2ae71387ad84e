/** What a server logs when it starts: its version, and what its settings mean where that may surprise the operator. */

import { existsSync, readFileSync } from 'node:fs'
import type { Logger } from 'pino'
import type { KeyPackageStore } from '../../plugin/store.ts'
import type { Settings } from './settings-schema.ts'

/** The version in the package.json of this software. */
export function readVersion(): string {
  const { version } = JSON.parse(readFileSync(findManifest(), 'utf8')) as { version: string }
  return version
}

/** The nearest package.json above this file; the compiled file lies one folder deeper than the source. */
function findManifest(): URL {
  let here = new URL('.', import.meta.url)
  while (!existsSync(new URL('package.json', here))) here = new URL('..', here)
  return new URL('package.json', here)
}

/** Logs what the operator should know of these settings. With the default settings there is no warning. */
export function logRemarks(
  log: Logger,
  { delivery, publicUrl, admin }: Settings,
  store: Pick<KeyPackageStore, 'durable'>,
): void {
  if (publicUrl === undefined) {
    log.info(
      'publicUrl is not set: clients can authenticate only if they connect to an IP address or to localhost; ' +
        'set it to the address that clients use, such as wss://relay.example.com',
    )
  }
  if (publicUrl === undefined && admin.pubkeys.length > 0) {
    log.warn(
      'admin.pubkeys is set and publicUrl is not: admins can manage this server (NIP-86) only from this machine, at ' +
        'http://localhost and the address that it listens on',
    )
  }
  if (delivery.encoding !== 'as-published') {
    log.warn(
      `delivery.encoding is ${delivery.encoding}: key packages published in another encoding are re-encoded, and ` +
        'clients that verify event signatures reject those, unless they undo the re-encoding (restoreSignedEvent); ' +
        'to deliver them unchanged, set delivery.encoding to as-published',
    )
  }
  if (!store.durable) log.warn('the store is not durable: all key packages are lost when the process ends')
}
