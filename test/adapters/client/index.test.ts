/** What `keypackage-gateway/client` exports is what the README's table of functions says (seeds/000 and seeds/001). */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import * as client from '../../../adapters/client/index.ts'

const exported = new Map<string, unknown>(Object.entries(client))
const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
const [, table = ''] = /\| function \| here \|\n(.*?)\n\n/s.exec(readme) ?? []
const rows = table.split('\n').map((row) => row.split('|').map((cell) => cell.trim()))
const same = rows.filter(([, , here]) => here?.startsWith('the same'))
const namesIn = (cell = '') => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)

/** What the documents of other clients have functions for. */
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

describe('the README’s table of functions', () => {
  it('says that those that others document are here by the same names', () => {
    expect(same.flatMap(([, names]) => namesIn(names))).toEqual(DOCUMENTED)
  })

  it.each(DOCUMENTED)('is right about %s', (name) => {
    expect(typeof exported.get(name)).toBe('function')
  })

  it('says only of methods that there are', () => {
    const { prototype } = client.KeyPackageClient
    for (const name of ['publishKeyPackages', 'deleteKeyPackages', 'publishRelayList', 'queryKeyPackages']) {
      expect(table).toContain(`\`${name}\``)
      expect(typeof prototype[name as keyof typeof prototype]).toBe('function')
    }
  })
})
