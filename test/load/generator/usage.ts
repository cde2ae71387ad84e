/** What processes use of the machine, as Linux counts it. */

import { readFileSync } from 'node:fs'
import type { Watched } from './topology.ts'

/** Linux counts processor time in hundredths of a second, whatever the kernel's own tick is. */
const TICKS_A_SECOND = 100

/** Processor seconds used so far, of the process and all its threads. */
function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name, in parentheses, may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND
}

/** Processor seconds by process, from now until it is asked. */
export function stopwatch(processes: readonly Watched[]): () => Map<string, number> {
  const before = processes.map(({ pid }) => processorSeconds(pid))
  return () =>
    new Map(
      processes.map(({ name, pid }, index) => [name, processorSeconds(pid) - (before[index] ?? 0)] as const),
    )
}
