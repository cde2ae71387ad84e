/** `keypackage-gateway/client` exports what the table of functions in its README says. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import * as client from '../../../adapters/client/index.ts'

const exported = new Map<string, unknown>(Object.entries(client))
const readme = readFileSync(new URL('../../../adapters/client/README.md', import.meta.url), 'utf8')
const [, table = ''] = /\| function \| here \|\n(.*?)(?:\n\n|$)/s.exec(readme) ?? []
const rows = table.split('\n').map((row) => row.split('|').map((cell) => cell.trim()))
const same = rows.filter(([, , here]) => here?.startsWith('the same'))
const namesIn = (cell = '') => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)

/** Functions that other MLS clients on Nostr document. */
const DOCUMENTED = [
  'createKeyPackageEvent',
  'getKeyPackage',
  'createDeleteKeyPackageEvent',
  'createKeyPackageRelayListEvent',
  'getKeyPackageRelayList',
  'isValidKeyPackageRelayListEvent',
  'generateKeyPackage',
  'calculateKeyPackageRef',
  'keyPackageDefaultExtensions',
  'defaultCapabilities',
  'ensureMarmotCapabilities',
]

describe('the table of functions in the README', () => {
  it('lists the functions that have the same name here', () => {
    expect(same.flatMap(([, names]) => namesIn(names))).toEqual(DOCUMENTED)
  })

  it.each(DOCUMENTED)('is right that %s is exported', (name) => {
    expect(typeof exported.get(name)).toBe('function')
  })

  it('names only methods that exist', () => {
    const { prototype } = client.KeyPackageClient
    for (const name of ['publishKeyPackages', 'deleteKeyPackages', 'publishRelayList', 'queryKeyPackages']) {
      expect(table).toContain(`\`${name}\``)
      expect(typeof prototype[name as keyof typeof prototype]).toBe('function')
    }
  })
})
