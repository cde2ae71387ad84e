/** What processes use of the machine, as Linux counts it. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** A process, and what it is called. */
export interface NamedProcess {
  readonly name: string
  readonly pid: number
}

/** Linux counts processor time in hundredths of a second, whatever the kernel's own tick is. */
const TICKS_A_SECOND = 100
const KIB = 1024

/** Processor seconds used so far, of the process and all its threads. */
function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name, in parentheses, may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND
}

export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * KIB
}

export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Processor seconds by process, from now until it is asked; of none where the system does not say it like Linux. */
export function stopwatch(processes: readonly NamedProcess[]): () => Map<string, number> {
  if (!existsSync('/proc/self/stat')) return () => new Map()
  const before = processes.map(({ pid }) => processorSeconds(pid))
  return () =>
    new Map(
      processes.map(({ name, pid }, index) => [name, processorSeconds(pid) - (before[index] ?? 0)] as const),
    )
}
