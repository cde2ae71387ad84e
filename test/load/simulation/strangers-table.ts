/** The table of `npm run simulate`: what attackers with few and many addresses do to an author, under the default policy and without it. */

import { memoryStore } from '../../../adapters/storage/memory.ts'
import { type OptionsInput, resolveOptions } from '../../../plugin/options.ts'
import { policyOf } from '../../../plugin/request/plan.ts'
import type { ClaimPolicy } from '../../../plugin/store.ts'
import { HOUR } from '../../contract/packages.ts'
import { ANYBODY } from '../../support/anybody.ts'
import { type Plot, play, type Result, type Served } from './strangers.ts'

/** The life that DESIGN section 6 is measured by. */
export const LIFE: Omit<Plot, 'attackerAddresses' | 'policy' | 'seed'> = {
  days: 40,
  knownPerDay: 4,
  strangersPerDay: 4,
  onlineEverySeconds: 4 * HOUR,
}

export const DEFAULT_POLICY = policyWith({})
/** Quotas per requester and address alone. */
export const WITHOUT_STRANGERS = policyWith(ANYBODY)
const LIVES = 5

export async function printTable(print: (line: string) => void): Promise<void> {
  print('| policy | attacker | known: fresh | strangers: fresh | lost a day | asks a day | look-ups a day |')
  print('| --- | --- | --- | --- | --- | --- | --- |')
  const rows: [string, number, Partial<Plot>][] = [
    ...[0, 1, 100, 10_000].map((addresses): [string, number, Partial<Plot>] => ['default', addresses, {}]),
    ['default, 20 strangers a day', 0, { strangersPerDay: 20 }],
    ...[0, 1, 100, 10_000].map((addresses): [string, number, Partial<Plot>] => {
      return ['strangers not limited', addresses, { policy: WITHOUT_STRANGERS }]
    }),
  ]
  for (const [name, attackerAddresses, changes] of rows) {
    const lives = []
    for (let seed = 1; seed <= LIVES; seed++) {
      const plot = { ...LIFE, policy: DEFAULT_POLICY, attackerAddresses, seed, ...changes }
      lives.push(await play(memoryStore(), plot))
    }
    print(rowOf(name, attackerAddresses, lives))
  }
}

function rowOf(name: string, addresses: number, lives: readonly Result[]): string {
  const mean = (of: (life: Result) => number) =>
    (lives.reduce((sum, life) => sum + of(life), 0) / lives.length).toFixed(1)
  const cells = [
    name,
    addresses === 0 ? 'none' : `${addresses} address${addresses === 1 ? '' : 'es'}`,
    `${mean(({ known }) => percent(known))} %`,
    `${mean(({ strangers }) => percent(strangers))} %`,
    mean(({ lostPerDay }) => lostPerDay),
    mean(({ asksPerDay }) => asksPerDay),
    mean(({ lookUps }) => lookUps / LIFE.days),
  ]
  return `| ${cells.join(' | ')} |`
}

export function percent({ claims, fresh }: Served): number {
  return (100 * fresh) / claims
}

function policyWith(options: OptionsInput): ClaimPolicy {
  return policyOf(resolveOptions(options))
}
