/** One chart of the last hour, drawn by uPlot, and the same in a table for whoever cannot see it. */

import { useId, useState } from 'preact/hooks'
import { clockTime, decimal } from '../shared/format.tsx'
import { colourName, type Drawing, dashOf, useDrawing } from './drawing.ts'
import type { Line } from './history.ts'

export interface ChartSettings extends Drawing {
  readonly title: string
  /** What is counted, for instance `in a minute`. */
  readonly unit: string
}

export function Chart({ title, unit, times, lines, look }: ChartSettings) {
  const titleId = useId()
  const [shown, setShown] = useState<number>()
  const drawing = useDrawing({ times, lines, look }, setShown)
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
                  <Swatch line={line} place={place} look={look} />
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

/** The line as it is drawn: its colour, and its dashes. */
function Swatch({
  line,
  place,
  look,
}: { readonly line: Line; readonly place: number } & Pick<Drawing, 'look'>) {
  const isLine = look === 'lines'
  return (
    <svg
      class={`swatch ${colourName(line)}`}
      width="24"
      height="12"
      viewBox="0 0 24 12"
      aria-hidden="true"
      focusable="false"
    >
      {isLine ? (
        <line x1="1" y1="6" x2="23" y2="6" stroke-dasharray={dashOf(place).join(' ')} />
      ) : (
        <rect x="6" y="0" width="12" height="12" rx="3" />
      )}
    </svg>
  )
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
