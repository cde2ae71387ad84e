/** What a server logs when it starts: its version, and warnings about settings that may surprise the operator. */

import { existsSync, readFileSync } from 'node:fs'
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

export function warningsAbout(
  { delivery, publicUrl }: Settings,
  store: Pick<KeyPackageStore, 'durable'>,
): string[] {
  const warnings: string[] = []
  if (publicUrl === undefined) {
    warnings.push(
      'publicUrl is not set: clients can authenticate only if they connect to an IP address or to localhost; ' +
        'set it to the address that clients use, such as wss://relay.example.com',
    )
  }
  if (delivery.encoding !== 'as-published') {
    warnings.push(
      `delivery.encoding is ${delivery.encoding}: key packages published in another encoding are re-encoded, and ` +
        'clients that verify event signatures reject those, unless they undo the re-encoding (restoreSignedEvent); ' +
        'to deliver them unchanged, set delivery.encoding to as-published or profile to marmot',
    )
  }
  if (!store.durable)
    warnings.push('the store is not durable: all key packages are lost when the process ends')
  return warnings
}
