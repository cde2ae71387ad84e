/** How many fresh packages a person has left, against the mark below which they are asked for more. */

import { Fragment } from 'preact'
import { counted } from '../shared/format.tsx'
import { freshIn, type Stock } from './stock.ts'

/** More pips than this say nothing more. */
const MAX_PIPS = 40

export function StockLevel({ stock }: { readonly stock: Stock }) {
  const fresh = freshIn(stock)
  const oneTime = stock.packages.filter(({ state }) => state !== 'reusable').length
  const slots = stock.packages.filter(({ slot }) => slot !== undefined).length
  const level = levelOf(fresh, stock.low)
  return (
    <div class={`stock ${level}`}>
      <p class="figure">
        <strong>{fresh}</strong> fresh one-time {fresh === 1 ? 'package' : 'packages'}
        {oneTime > 0 && <span class="hint"> of at most {stock.max}</span>}
      </p>
      <Pips fresh={fresh} low={stock.low} />
      <p>{adviceFor(fresh, oneTime, slots, stock.low)}</p>
    </div>
  )
}

/** One pip for each package, outlined where one is missing; a line after as many as are enough. */
function Pips({ fresh, low }: { readonly fresh: number; readonly low: number }) {
  const count = Math.min(MAX_PIPS, Math.max(fresh, low))
  const pips = Array.from({ length: count }, (_, index) => ({
    id: index,
    look: index < fresh ? 'full' : 'missing',
    isLast: index === low - 1 && index < count - 1,
  }))
  return (
    <div class="pips" role="img" aria-label={`${fresh} fresh, ${low} are enough`}>
      {pips.map(({ id, look, isLast }) => (
        <Fragment key={id}>
          <span class={look} />
          {isLast && <span class="enough" />}
        </Fragment>
      ))}
    </div>
  )
}

function levelOf(fresh: number, low: number): 'good' | 'few' | 'none' {
  if (fresh === 0) return 'none'
  return fresh < low ? 'few' : 'good'
}

function adviceFor(fresh: number, oneTime: number, slots: number, low: number): string {
  if (fresh >= low) return `The relay asks your app for more when fewer than ${low} are fresh.`
  if (oneTime === 0 && slots > 0)
    return `You are added through ${counted(slots, 'slot')}, which your app replaces from time to time.`
  const asking = `Fewer than ${low} are fresh: your app is asked for more when it connects.`
  return fresh === 0 && oneTime > 0 ? `The last one is shared by all who ask. ${asking}` : asking
}
