/** The table of metrics in adapters/http/README.md has all of them, with their labels and what they count. */

import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import { Metrics } from '../../../adapters/http/metrics.ts'
import { NOW } from '../../support/key-packages.ts'

const file = new URL('../../../adapters/http/README.md', import.meta.url)

it('adapters/http/README.md lists every metric (UPDATE_METRICS=1 rewrites the table)', async () => {
  const expected = `<!-- metrics -->\n${await table()}<!-- /metrics -->`
  const text = readFileSync(file, 'utf8')
  const [written = ''] = /<!-- metrics -->\n.*<!-- \/metrics -->/s.exec(text) ?? []
  if (process.env.UPDATE_METRICS === '1')
    writeFileSync(
      file,
      text.replace(written, () => expected),
    )
  else expect(written).toBe(expected)
})

/** Of metrics with every source. */
async function table(): Promise<string> {
  const metrics = new Metrics('1.2.3')
  const stock = { at: NOW, authors: 1, packages: 1, slotsOnly: 0, low: 0, out: 0, lowest: [] }
  metrics.add({
    activity: () => ({ sessions: 0, checksUnderWay: 0, checksWaiting: 0 }),
    server: () => ({ connections: 0, refused: { full: 0, address: 0 }, upstream: 'reachable' }),
    stock: () => ({ ...stock, byFresh: new Map() }),
    storeIsUp: async () => true,
  })
  metrics.addRun({ outcome: 'succeeded', endedAt: NOW, seconds: 1 })
  const rows = (await metrics.registry.getMetricsAsJSON()).map(({ name, type, help, values }) => {
    const labels = new Set(
      values.flatMap(({ labels }) => Object.keys(labels)).filter((label) => label !== 'le'),
    )
    const named = [...labels].map((label) => `\`${label}\``).join(', ')
    return `| \`${name.replace('keypackage_gateway_', '')}\` | ${type} | ${named} | ${help} |\n`
  })
  return ['| metric | type | labels | meaning |\n', '| --- | --- | --- | --- |\n', ...rows].join('')
}
