/** What a process says at its start of settings that do not do what somebody may expect of them. */

import type { KeyPackageStore } from '../../plugin/store.ts'
import type { Settings } from './settings-schema.ts'

export function warningsAbout(
  { delivery, publicUrl }: Settings,
  store: Pick<KeyPackageStore, 'durable'>,
): string[] {
  const warnings: string[] = []
  if (publicUrl === undefined) {
    warnings.push(
      'publicUrl is not set: clients can authenticate only to the IP address they connect to, or localhost; ' +
        'set it to the address they know, as in wss://relay.example.com',
    )
  }
  if (delivery.encoding !== 'as-published') {
    warnings.push(
      `delivery.encoding is ${delivery.encoding}: a key package published in another encoding is re-encoded, and ` +
        'clients that check event signatures refuse it unless they undo that (restoreSignedEvent); ' +
        'the profile marmot delivers as published',
    )
  }
  if (!store.durable) warnings.push('this store is not durable: key packages are gone when the process ends')
  return warnings
}
