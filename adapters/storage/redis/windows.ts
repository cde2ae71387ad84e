/** The Redis encoding of quota windows, the same as in window.lua, for those that Node reads and writes. */

import type { KeptWindow, WindowName } from '../../../plugin/stock/windows.ts'

const USED = 10
const AT = 11
const COST = 10
/** How many seconds a window is kept beyond its length, because the clocks of processes differ. */
export const WINDOW_SLACK = 60
/** A HSCAN pattern: the fields of all claim windows in a stock. */
export const CLAIM_WINDOWS = '[aqn] *'

/** The field of a claim window in the author's stock, of a name whose part after the space can stand in a key. */
export function windowField(name: WindowName): string {
  const space = name.indexOf(' ')
  return `${LETTERS[name.slice(0, space)]}${name.slice(space)}`
}

const LETTERS: Readonly<Record<string, string>> = { requester: 'q', address: 'a', network: 'n' }

export function encodeWindow({ window }: Pick<KeptWindow, 'window'>): string {
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

/** A claim window says itself until when Redis keeps it. */
export function encodeClaimWindow(window: KeptWindow): string {
  return digits(window.keptUntil + WINDOW_SLACK, AT) + encodeWindow(window)
}

export function decodeClaimWindow(text: string | null): KeptWindow | undefined {
  if (text === null) return undefined
  const { window = [] } = decodeWindow(text.slice(AT)) ?? {}
  return { window, keptUntil: claimWindowUntil(text) - WINDOW_SLACK }
}

/** Until when Redis keeps a claim window, in seconds since the epoch. */
export function claimWindowUntil(text: string): number {
  return Number(text.slice(0, AT))
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, '0')
}
