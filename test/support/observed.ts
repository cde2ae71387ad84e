/** An observer that writes down what it is told, a line each. Its clock ticks each time that it is read. */

import type { Observer } from '../../plugin/observer.ts'

export function writtenDown(lines: string[]): Observer {
  let time = 0
  const note =
    (what: string) =>
    (...told: readonly unknown[]) =>
      void lines.push([what, ...told.filter((each) => each !== undefined)].join(' '))
  return {
    time: () => {
      time += 1
      return time
    },
    claimed: note('claimed'),
    claimsTook: (milliseconds) => note('claims took')(milliseconds > 0 ? 'some time' : 'no time'),
    published: (outcome, milliseconds) =>
      note('published')(outcome, milliseconds > 0 ? undefined : 'in no time'),
    refused: note('refused'),
    removed: note('removed'),
    released: note('released'),
  }
}
