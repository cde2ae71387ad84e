/** The Redis encoding of quota windows, the same as in window.lua, for those that Node reads and writes. */

import type { KeptWindow } from '../../../plugin/stock/windows.ts'

const USED = 10
const AT = 11
const COST = 10
/** How many seconds a window is kept beyond its length, because the clocks of processes differ. */
export const WINDOW_SLACK = 60

export function encodeWindow({ window }: KeptWindow): string {
  const used = window.reduce((sum, [, cost]) => sum + cost, 0)
  return digits(used, USED) + window.map(([at, cost]) => digits(at, AT) + digits(cost, COST)).join('')
}

/** `keptUntil` is approximate: Redis itself expires the key. */
export function decodeWindow(text: string | null): KeptWindow | undefined {
  if (text === null) return undefined
  const window: [at: number, cost: number][] = []
  for (let from = USED; from < text.length; from += AT + COST)
    window.push([Number(text.slice(from, from + AT)), Number(text.slice(from + AT, from + AT + COST))])
  return { window, keptUntil: window.at(-1)?.[0] ?? 0 }
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, '0')
}
