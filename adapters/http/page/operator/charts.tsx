/** The charts of the last hour, and the few figures that say at a glance how things are. */

import { useMemo } from 'preact/hooks'
import { REFUSAL_PREFIXES } from '../../../../plugin/nostr/refusal.ts'
import { CLAIM_OUTCOMES, PUBLISH_OUTCOMES } from '../../../../plugin/observer.ts'
import { decimal } from '../shared/format.tsx'
import { Chart, type ChartSettings } from './chart.tsx'
import { type History, lastMinute, linesPerMinute, type Sample } from './history.ts'

export function Glance({ history }: { readonly history: History }) {
  const latest = history.samples.at(-1)
  const tiles = [
    { label: 'Claims in the last minute', value: decimal(lastMinute(history, 'claims')) },
    { label: 'Refusals in the last minute', value: decimal(lastMinute(history, 'refusals')) },
    { label: 'Clients connected', value: decimal(latest?.connections ?? 0) },
    { label: 'Authors with packages', value: counted(latest?.authors) },
    {
      label: 'Authors who run low',
      value: counted(latest?.lowAuthors),
      look: (latest?.lowAuthors ?? 0) > 0 ? 'few' : 'good',
    },
    { label: 'Slowest store calls (p99)', value: milliseconds(latest?.storeMs.p99) },
  ]
  return (
    <dl class="tiles">
      {tiles.map(({ label, value, look = '' }) => (
        <div key={label} class={look}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

export function Charts({ history }: { readonly history: History }) {
  const charts = useMemo(() => chartsOf(history), [history])
  return (
    <div class="charts">
      {charts.map((chart) => (
        <Chart key={chart.title} {...chart} />
      ))}
    </div>
  )
}

function chartsOf(history: History): ChartSettings[] {
  const { samples } = history
  const times = samples.map(({ at }) => at)
  const line = (label: string, colour: number, read: (sample: Sample) => number | null) => ({
    label,
    colour,
    values: samples.map(read),
  })
  return [
    {
      title: 'Claims',
      unit: 'in a minute',
      look: 'stacked',
      times,
      lines: linesPerMinute(history, 'claims', CLAIM_OUTCOMES),
    },
    {
      title: 'Refusals by reason',
      unit: 'in a minute',
      look: 'stacked',
      times,
      lines: linesPerMinute(history, 'refusals', REFUSAL_PREFIXES),
    },
    {
      title: 'Publishes',
      unit: 'in a minute',
      look: 'stacked',
      times,
      lines: linesPerMinute(history, 'publishes', PUBLISH_OUTCOMES),
    },
    {
      title: 'Authors',
      unit: 'who run low on packages',
      look: 'lines',
      times,
      lines: [
        line('Low', 2, ({ lowAuthors }) => lowAuthors),
        line('Out: nothing left', 3, ({ outAuthors }) => outAuthors),
      ],
    },
    {
      title: 'Store',
      unit: 'milliseconds a call',
      look: 'lines',
      times,
      lines: [
        line('Half are faster (p50)', 1, ({ storeMs }) => storeMs.p50),
        line('1 in 100 is slower (p99)', 4, ({ storeMs }) => storeMs.p99),
      ],
    },
    {
      title: 'Connections',
      unit: 'clients at a time',
      look: 'lines',
      times,
      lines: [line('Connected', 0, ({ connections }) => connections)],
    },
  ]
}

/** Null before the stock was surveyed. */
function counted(value: number | null | undefined): string {
  return value === null || value === undefined ? 'not yet' : decimal(value)
}

function milliseconds(value: number | null | undefined): string {
  return value === null || value === undefined ? 'no calls' : `${decimal(value)} ms`
}
