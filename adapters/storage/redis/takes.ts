/**
 * The Redis encoding of who has taken fresh packages: a line for each. Takers are named like windows, between tabs, so that the
 * fast path finds an address or a network by searching the text.
 */

import type { Take, Taker } from '../../../plugin/stock/strangers.ts'
import { windowField } from './windows.ts'

export function encodeTakes(takes: readonly Take[] = []): string {
  return takes
    .map(({ at, keptUntil, count, taker }) => `${at} ${count}\t${keptUntil}${encodeTaker(taker)}\n`)
    .join('')
}

export function decodeTakes(text: string): Take[] {
  return text
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => {
      const [at, count] = line.slice(0, line.indexOf('\t')).split(' ')
      return decodeTake(line, Number(at), Number(count))
    })
}

/** What a line says after its first tab; nothing without one. */
export function decodeTake(line: string, at: number, count: number): Take[] {
  const [, keptUntil, ...names] = line.split('\t')
  return keptUntil === undefined ? [] : [{ at, keptUntil: Number(keptUntil), count, taker: takerOf(names) }]
}

function encodeTaker(taker: Taker): string {
  if ('knownAs' in taker) return `\tk ${taker.knownAs}\t`
  const { address, network } = taker
  const names = [
    windowField(`address ${address}`),
    ...(network === undefined ? [] : [windowField(`network ${network}`)]),
  ]
  return `\t${names.join('\t')}\t`
}

function takerOf([name = '', network = '']: readonly string[]): Taker {
  const bare = name.slice(2)
  if (name.startsWith('k ')) return { knownAs: bare }
  return network === '' ? { address: bare } : { address: bare, network: network.slice(2) }
}
