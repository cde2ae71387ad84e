/** Access rules that are added at run time: kept by list and subject, and told to whoever listens. */

import { equal } from 'node:assert/strict'
import type { AccessRule, KeyPackageStore } from '../../plugin/store.ts'
import { authorNamed, NOW } from './packages.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const RULES: readonly AccessRule[] = [
  { list: 'ban', subject: alice, reason: 'spam', at: NOW },
  { list: 'ban', subject: '2001:db8::/32', at: NOW + 1 },
  { list: 'allow', subject: alice, at: NOW + 2 },
]

export function describeAccess(it: Specify, itSignals: Specify): void {
  it('has no access rules at first', async (store) => same(await store.accessRules(), []))

  it('keeps access rules by list and subject', async (store) => {
    for (const rule of RULES) await store.putAccessRule(rule)
    same(await rulesOf(store), inOrder(RULES))
  })

  it('replaces the access rule of the same list and subject', async (store) => {
    for (const rule of RULES) await store.putAccessRule(rule)
    const again: AccessRule = { list: 'ban', subject: alice, at: NOW + 9 }
    await store.putAccessRule(again)
    same(await rulesOf(store), inOrder([again, ...RULES.slice(1)]))
  })

  it('removes an access rule from its list alone', async (store) => {
    for (const rule of RULES) await store.putAccessRule(rule)
    equal(await store.dropAccessRule('ban', alice), 'removed')
    equal(await store.dropAccessRule('ban', alice), 'missing')
    equal(await store.dropAccessRule('allow', '2001:db8::/32'), 'missing')
    same(await rulesOf(store), inOrder(RULES.slice(1)))
  })

  itSignals('tells who listens that access rules have changed, until they stop', async (store) => {
    let told = 0
    const stop = store.onAccessChanged(() => {
      told += 1
    })
    store.onAccessChanged(() => {
      throw new Error('a listener that fails')
    })
    for (const rule of RULES) await store.putAccessRule(rule)
    await store.dropAccessRule('ban', alice)
    equal(told, 4)
    stop()
    await store.putAccessRule(RULES[0] as AccessRule)
    equal(told, 4)
  })
}

/** The access rules of a store, in one order. */
async function rulesOf(store: KeyPackageStore): Promise<readonly AccessRule[]> {
  return inOrder(await store.accessRules())
}

function inOrder(rules: readonly AccessRule[]): readonly AccessRule[] {
  const key = ({ list, subject }: AccessRule) => `${list} ${subject}`
  return [...rules].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}
