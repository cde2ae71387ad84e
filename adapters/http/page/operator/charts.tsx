/** The charts of the last hour, and the few figures that say at a glance how things are. */

import { useMemo } from 'preact/hooks'
import { decimal } from '../shared/format.tsx'
import { Chart, type ChartSettings } from './chart.tsx'
import { type History, lastMinute, linesPerMinute, type Sample } from './history.ts'

const CLAIMS = ['delivered', 'shared', 'none', 'limited', 'unavailable']
const PUBLISHES = ['stored', 'replaced', 'duplicate', 'full', 'limited', 'refused', 'unavailable']
const REFUSALS = ['rate-limited', 'auth-required', 'restricted', 'blocked', 'invalid', 'error']

export function Glance({ history }: { readonly history: History }) {
  const latest = history.samples.at(-1)
  const tiles = [
    { label: 'Claims in the last minute', value: decimal(lastMinute(history, 'claims')) },
    { label: 'Refusals in the last minute', value: decimal(lastMinute(history, 'refusals')) },
    { label: 'Clients connected', value: decimal(latest?.connections ?? 0) },
    { label: 'Authors with packages', value: decimal(latest?.authors ?? 0) },
    {
      label: 'Authors who run low',
      value: decimal(latest?.lowAuthors ?? 0),
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
    { title: 'Claims', unit: 'in a minute', times, lines: linesPerMinute(history, 'claims', CLAIMS) },
    {
      title: 'Refusals by reason',
      unit: 'in a minute',
      times,
      lines: linesPerMinute(history, 'refusals', REFUSALS),
    },
    {
      title: 'Publishes',
      unit: 'in a minute',
      times,
      lines: linesPerMinute(history, 'publishes', PUBLISHES),
    },
    {
      title: 'Authors',
      unit: 'who run low on packages',
      times,
      lines: [
        line('Low', 2, ({ lowAuthors }) => lowAuthors),
        line('Out: the last one is shared', 3, ({ outAuthors }) => outAuthors),
      ],
    },
    {
      title: 'Store',
      unit: 'milliseconds a call',
      times,
      lines: [
        line('Half are faster (p50)', 1, ({ storeMs }) => storeMs.p50),
        line('1 in 100 is slower (p99)', 4, ({ storeMs }) => storeMs.p99),
      ],
    },
    {
      title: 'Connections',
      unit: 'clients at a time',
      times,
      lines: [line('Connected', 0, ({ connections }) => connections)],
    },
  ]
}

function milliseconds(value: number | null | undefined): string {
  return value === null || value === undefined ? 'no calls' : `${decimal(value)} ms`
}
