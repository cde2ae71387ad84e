/** Draws lines over the last hour with uPlot: by themselves, or one above the other where they add up to a whole. */

import type { RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { clockTime, decimal } from '../shared/format.tsx'
import type { Line } from './history.ts'

export interface Drawing {
  /** Seconds since the epoch, one for each value of a line. */
  readonly times: readonly number[]
  readonly lines: readonly Line[]
  readonly look: 'lines' | 'stacked'
}

const HEIGHT = 190
const HOUR = 3600
/** As many as a chart has outcomes, so that no two lines have one colour. */
const COLOURS = 10
/** Between two lines of the grid, on which only whole numbers stand: there is no half claim. */
const STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat()
/** Beside the colour, so that lines can be told apart without it. */
const DASHES: readonly number[][] = [[], [8, 4], [3, 3]]
/** Added to a colour of six hexadecimal digits. */
const OPACITY = { stacked: '80', lines: '1f' }
/** The charts point at the same time. */
const SYNC = 'hour'

/** Draws into the element that the returned ref is given, again whenever something changes. */
export function useDrawing(
  { times, lines, look }: Drawing,
  onCursor: (index: number | undefined) => void,
): RefObject<HTMLDivElement | null> {
  const element = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot>(null)
  // A chart has its lines for life; another set of lines is another chart.
  const key = lines.map(({ label }) => label).join('\n')
  useEffect(() => {
    const { current } = element
    if (current === null) return
    const options = optionsFor({ lines, look }, current.clientWidth, onCursor)
    const drawn = new uPlot(options, dataOf({ times, lines, look }), current)
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
  useEffect(() => chart.current?.setData(dataOf({ times, lines, look })), [times, lines])
  return element
}

/** The name of the custom property that has a line's colour, without its dashes. */
export function colourName({ colour }: Pick<Line, 'colour'>): string {
  return `series-${(colour % COLOURS) + 1}`
}

/** @param place of the line among those of its chart */
export function dashOf(place: number): number[] {
  return DASHES[place % DASHES.length] ?? []
}

function optionsFor(
  { lines, look }: Pick<Drawing, 'lines' | 'look'>,
  width: number,
  onCursor: (index: number | undefined) => void,
): uPlot.Options {
  const axis = {
    stroke: () => colourOf('muted'),
    grid: { stroke: () => colourOf('line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  }
  const hasFill = (place: number) => look === 'stacked' || place === 0
  return {
    width,
    height: HEIGHT,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: SYNC }, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      // A whole hour, also while less is known.
      x: { range: (_chart, _first, last) => [last - HOUR, last] },
      y: { range: (_chart, _low, high) => [0, niceTop(high)] },
    },
    axes: [
      { ...axis, size: 30, space: 64, values: (_chart, splits) => splits.map(clockTime) },
      { ...axis, size: 44, space: 36, incrs: STEPS, values: (_chart, splits) => splits.map(decimal) },
    ],
    series: [
      {},
      ...lines.map((line, place) => ({
        label: line.label,
        stroke: () => colourOf(colourName(line)),
        ...(hasFill(place) && { fill: () => colourOf(colourName(line)) + OPACITY[look] }),
        width: look === 'stacked' ? 1 : 2,
        dash: look === 'stacked' ? [] : dashOf(place),
        points: { show: false },
        spanGaps: true,
      })),
    ],
    // Of the sum of all lines up to one, only what lies above the sum before it is filled.
    bands: look === 'stacked' ? lines.slice(1).map((_, below) => ({ series: [below + 2, below + 1] })) : [],
    hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx ?? undefined)] },
  }
}

function dataOf({ times, lines, look }: Drawing): uPlot.AlignedData {
  const values = lines.map((line) => [...line.values])
  return [[...times], ...(look === 'stacked' ? sumsOf(values) : values)]
}

/** Of each line, the sum with all lines below it. */
function sumsOf(values: readonly (readonly (number | null)[])[]): number[][] {
  const sums: number[] = []
  return values.map((line) =>
    line.map((value, index) => {
      sums[index] = (sums[index] ?? 0) + (value ?? 0)
      return sums[index]
    }),
  )
}

/** Room above the highest value, and a scale even where all are zero. */
function niceTop(highest: number | null): number {
  if (highest === null || highest <= 0) return 1
  return highest < 4 ? Math.ceil(highest) + 1 : highest * 1.15
}

function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}
