/**
 * `npm run bench [-- --json] [-- --only NAME] [-- --seconds N]`: every figure that one machine can
 * give, beside a baseline from the same run. Budgets are reported, never enforced: the machine may be busy.
 */

import { parseArgs } from 'node:util'
import { benchLmdbClaims, benchMemoryClaims } from './claims.ts'
import { benchLmdbGrowth, benchMemoryBytes, benchMemoryGrowth } from './growth.ts'
import { benchImport } from './import.ts'
import { benchIsolation } from './isolation.ts'
import { benchKeyPackage } from './key-package.ts'
import { benchProxy, benchProxyCrowd } from './proxy.ts'
import { benchPublishes } from './publishes.ts'
import { benchLmdbQuery } from './query.ts'
import {
  benchRedisBytes,
  benchRedisClaims,
  benchRedisCluster,
  benchRedisGrowth,
  benchRedisHot,
  benchRedisPuts,
  benchRedisQuery,
} from './redis.ts'
import type { BenchRow } from './row.ts'
import { benchStrfry } from './strfry.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    only: { type: 'string' },
    // How long the proxy's many clients stay connected.
    seconds: { type: 'string', default: '10' },
  },
})

const BENCHES: readonly (readonly [name: string, run: () => Promise<BenchRow | BenchRow[]>])[] = [
  ['memory-bytes', benchMemoryBytes],
  ['memory-claims', benchMemoryClaims],
  ['memory-growth', benchMemoryGrowth],
  ['lmdb-claims', benchLmdbClaims],
  ['lmdb-query', benchLmdbQuery],
  ['lmdb-growth', benchLmdbGrowth],
  ['redis-claims', benchRedisClaims],
  ['redis-cluster', benchRedisCluster],
  ['redis-puts', benchRedisPuts],
  ['redis-hot', benchRedisHot],
  ['redis-query', benchRedisQuery],
  ['redis-growth', benchRedisGrowth],
  ['redis-bytes', benchRedisBytes],
  ['key-package', benchKeyPackage],
  ['import', benchImport],
  ['wire-publishes', benchPublishes],
  ...benchIsolation,
  ['strfry', benchStrfry],
  ['proxy', benchProxy],
  ['proxy-crowd', () => benchProxyCrowd(Number(values.seconds))],
]

const chosen = BENCHES.filter(([name]) => name.includes(values.only ?? ''))
if (chosen.length === 0) console.error(`no such bench; there is ${BENCHES.map(([name]) => name).join(', ')}`)

const rows: BenchRow[] = []
const failed: string[] = []
for (const [name, run] of chosen) {
  console.error(`${name} ...`)
  try {
    const measured = [await run()].flat()
    rows.push(...measured)
    for (const { name, ratio, inside } of measured) {
      console.error(`  ${name}: ${ratio.toFixed(2)}${inside ? '' : ', outside the budget'}`)
    }
  } catch (error) {
    // The rows of the others are worth their minutes.
    failed.push(name)
    console.error(error)
  }
}
console.log(values.json ? JSON.stringify(rows, undefined, 2) : table(rows))
if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`)
  process.exitCode = 1
}

function table(rows: readonly BenchRow[]): string {
  const cells = rows.map((row) => [
    row.name,
    figure(row.value, row.unit),
    `${figure(row.baseline, row.unit)}: ${row.baselineName}`,
    row.ratio.toFixed(2),
    row.budget,
    row.inside ? 'yes' : 'NO',
  ])
  const all = [['what', 'measured', 'baseline', 'ratio', 'budget', 'inside'], ...cells]
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)))
  return all
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function figure(value: number, unit: string): string {
  const digits = value < 100 ? 2 : 0
  return `${value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`
}
