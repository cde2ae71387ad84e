/** One chart of the last hour, drawn by uPlot, and the same in a table for whoever cannot see it. */

import { useEffect, useId, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { clockTime, decimal } from '../shared/format.tsx'
import type { Line } from './history.ts'

export interface ChartSettings {
  readonly title: string
  /** What is counted, for instance `in a minute`. */
  readonly unit: string
  /** Seconds since the epoch, one for each value of a line. */
  readonly times: readonly number[]
  readonly lines: readonly Line[]
}

const HEIGHT = 190
const COLOURS = 7
/** Beside the colour, so that lines can be told apart without it. */
const DASHES: readonly number[][] = [[], [8, 4], [3, 3], [12, 4, 3, 4], [5, 2], [2, 4], [14, 5]]
/** Of the first line, which is filled down to the axis. */
const FILL_OPACITY = '1f'
const SYNC = 'hour'

export function Chart({ title, unit, times, lines }: ChartSettings) {
  const titleId = useId()
  const [shown, setShown] = useState<number>()
  const drawing = useDrawing({ times, lines }, setShown)
  const index = shown !== undefined && shown < times.length ? shown : undefined
  return (
    <section class="card chart" aria-labelledby={titleId}>
      <h3 id={titleId}>
        {title} <span class="hint">{unit}</span>
      </h3>
      <div
        class="drawing"
        ref={drawing}
        role="img"
        aria-label={`Chart: ${title}. The table has its values.`}
      />
      <table>
        <caption class="visually-hidden">
          {title}, {unit}
        </caption>
        <thead>
          <tr>
            <th scope="col">
              <span class="visually-hidden">Line</span>
            </th>
            <th scope="col" class="number">
              {index === undefined ? 'Now' : clockTime(times[index] ?? 0)}
            </th>
            <th scope="col" class="number">
              Highest
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line, place) => (
            <tr key={line.label}>
              <th scope="row">
                <span class="line">
                  <Swatch colour={line.colour} place={place} />
                  {line.label}
                </span>
              </th>
              <td class="number">{shownValue(line.values[index ?? line.values.length - 1])}</td>
              <td class="number">{shownValue(highest(line.values))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** Draws into the element that the returned ref is given, again whenever something changes. */
function useDrawing(
  { times, lines }: Pick<ChartSettings, 'times' | 'lines'>,
  onCursor: (index: number | undefined) => void,
) {
  const element = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot>(null)
  // A chart has its lines for life; another set of lines is another chart.
  const key = lines.map(({ label }) => label).join('\n')
  useEffect(() => {
    const { current } = element
    if (current === null) return
    const drawn = new uPlot(optionsFor(lines, current.clientWidth, onCursor), dataOf(times, lines), current)
    chart.current = drawn
    const observer = new ResizeObserver(() => drawn.setSize({ width: current.clientWidth, height: HEIGHT }))
    observer.observe(current)
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    const redraw = () => drawn.redraw()
    scheme.addEventListener('change', redraw)
    return () => {
      scheme.removeEventListener('change', redraw)
      observer.disconnect()
      drawn.destroy()
    }
  }, [key])
  useEffect(() => chart.current?.setData(dataOf(times, lines)), [times, lines])
  return element
}

function optionsFor(
  lines: readonly Line[],
  width: number,
  onCursor: (index: number | undefined) => void,
): uPlot.Options {
  const axis = {
    stroke: () => colourOf('--muted'),
    grid: { stroke: () => colourOf('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  }
  return {
    width,
    height: HEIGHT,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: SYNC }, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { y: { range: (_chart, _low, high) => [0, niceTop(high)] } },
    axes: [
      { ...axis, size: 30, space: 64, values: (_chart, splits) => splits.map(clockTime) },
      { ...axis, size: 44, space: 36, values: (_chart, splits) => splits.map(decimal) },
    ],
    series: [
      {},
      ...lines.map(({ label, colour }, place) => ({
        label,
        stroke: () => colourOf(`--series-${(colour % COLOURS) + 1}`),
        ...(place === 0 && { fill: () => colourOf(`--series-${(colour % COLOURS) + 1}`) + FILL_OPACITY }),
        width: 2,
        dash: DASHES[place % DASHES.length] ?? [],
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx ?? undefined)] },
  }
}

function dataOf(times: readonly number[], lines: readonly Line[]): uPlot.AlignedData {
  return [[...times], ...lines.map(({ values }) => [...values])]
}

/** Room above the highest value, and a scale even where all are zero. */
function niceTop(highest: number | null): number {
  if (highest === null || highest <= 0) return 1
  return highest < 4 ? Math.ceil(highest) + 1 : highest * 1.15
}

function Swatch({ colour, place }: { readonly colour: number; readonly place: number }) {
  const dash = (DASHES[place % DASHES.length] ?? []).join(' ')
  return (
    <svg
      class={`swatch series-${(colour % COLOURS) + 1}`}
      width="24"
      height="8"
      aria-hidden="true"
      focusable="false"
    >
      <line x1="1" y1="4" x2="23" y2="4" stroke-dasharray={dash} />
    </svg>
  )
}

function colourOf(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim()
}

function highest(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>((top, value) => {
    if (value === null) return top
    return top === null || value > top ? value : top
  }, null)
}

function shownValue(value: number | null | undefined): string {
  return value === null || value === undefined ? 'none' : decimal(value)
}
