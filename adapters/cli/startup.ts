/** What a server looks at when it starts: settings that contradict each other, and settings that may surprise. */

import type { Logger } from 'pino'
import { SettingsError } from '../../plugin/settings.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { hostAndPort, type Settings } from './settings-schema.ts'

/** @throws SettingsError where two settings contradict each other */
export function checkCombinations(settings: Settings): void {
  const { upstream, custody, proxy, store, listen, admin, workers } = settings
  if (admin.listen !== 'none' && isSamePlace(listen, admin.listen)) {
    throw new SettingsError([
      `admin.listen: "${admin.listen}" is the address of listen; the operator's listener needs one of its own, or none`,
    ])
  }
  if (workers !== 1 && store === 'memory:') {
    throw new SettingsError([
      `store: "memory:" is not allowed with workers ${workers}: the workers must share the store`,
    ])
  }
  if (upstream === undefined && custody === 'relay') {
    throw new SettingsError([
      'custody: "relay" requires upstream; without a relay behind the gateway use gateway',
    ])
  }
  if (proxy.publish === 'here') return
  if (upstream === undefined) {
    throw new SettingsError([
      'proxy.publish: "upstream" requires upstream; without a relay behind the gateway use here',
    ])
  }
  if (store === 'memory:') {
    throw new SettingsError([
      'store: "memory:" is not allowed with proxy.publish upstream: the plugin of the relay must share the store',
    ])
  }
}

/** An address for every network is that of each as well. Port 0 picks another one each time. */
function isSamePlace(one: string, other: string): boolean {
  const [a, b] = [hostAndPort(one), hostAndPort(other)]
  const isEverywhere = ['0.0.0.0', '::'].some((every) => [a.host, b.host].includes(every))
  return a.port === b.port && a.port !== 0 && (a.host === b.host || isEverywhere)
}

/** What these settings mean where that may surprise the operator. With the default settings there is nothing. */
export function remarksOn({ delivery, publicUrl, admin }: Settings): string[] {
  const remarks: string[] = []
  if (publicUrl === undefined && admin.pubkeys.length > 0) {
    remarks.push(
      'admin.pubkeys is set and publicUrl is not: admins can manage this server (NIP-86) only from this machine, at ' +
        'http://localhost and the address that it listens on',
    )
  }
  if (delivery.encoding === 'as-published') return remarks
  return [
    ...remarks,
    `delivery.encoding is ${delivery.encoding}: key packages published in another encoding are re-encoded, and ` +
      'clients that verify event signatures reject those, unless they undo the re-encoding (restoreSignedEvent); ' +
      'to deliver them unchanged, set delivery.encoding to as-published',
  ]
}

/** Logs what the operator should know of these settings and this store. */
export function logRemarks(log: Logger, settings: Settings, store: Pick<KeyPackageStore, 'durable'>): void {
  if (settings.publicUrl === undefined) {
    log.info(
      'publicUrl is not set: clients can authenticate only if they connect to an IP address or to localhost; ' +
        'set it to the address that clients use, such as wss://relay.example.com',
    )
  }
  for (const remark of remarksOn(settings)) log.warn(remark)
  if (!store.durable) log.warn('the store is not durable: all key packages are lost when the process ends')
}
