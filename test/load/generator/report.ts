/** What a run prints. */

import type { LoadResult } from './run.ts'

export function reportLines(result: LoadResult): string[] {
  const { latencies, errors, lateness, ownDelay, processor, operations, verdict } = result
  const rows = Object.entries(latencies).map(([name, { count, p50, p90, p99, p999, max }]) =>
    row(name, count.toLocaleString('en'), ...[p50, p90, p99, p999, max].map(milliseconds)),
  )
  const problems = Object.entries(errors).map(([what, count]) => `  ${count.toLocaleString('en')} × ${what}`)
  const used = Object.entries(processor).map(([name, seconds]) => `${name} ${seconds.toFixed(2)}`)
  const late = [lateness.p50, lateness.p99, lateness.max].map(milliseconds).join(', ')
  return [
    row('milliseconds from when it was due', 'number', 'p50', 'p90', 'p99', 'p99.9', 'max'),
    row('---', ...Array.from({ length: 6 }, () => '---:')),
    ...rows,
    '',
    'refused or lost:',
    ...(problems.length === 0 ? ['  nothing'] : problems),
    `authors were asked for packages ${result.asked.toLocaleString('en')} times`,
    '',
    `the generator itself: began acts late by ${late} ms (p50, p99, max); its event loop was kept for ${milliseconds(ownDelay.p99)} ms (p99), ${milliseconds(ownDelay.max)} ms (max)`,
    `processor seconds for 1,000 of ${operations.toLocaleString('en')} operations: ${used.join(', ')}`,
    '',
    ...growthLines(result),
    ...Object.entries(verdict.grounds).map(([invariant, grounds]) => `${invariant}: ${grounds}`),
    ...verdict.violations.slice(0, 20).map(({ invariant, what }) => `VIOLATED ${invariant}: ${what}`),
    lastLine(result),
  ]
}

function growthLines({ grown }: LoadResult): string[] {
  if (grown.length === 0) return []
  const rows = grown.map(({ name, unit, first, mean, growth, tolerated, isFlat }) => {
    const write = (value: number) =>
      unit === 'MiB' ? `${(value / 2 ** 20).toFixed(1)} MiB` : value.toFixed(0)
    return row(name, ...[first, mean, growth, tolerated].map(write), isFlat ? 'flat' : 'GREW')
  })
  return [
    row('in the second half', 'at the start', 'mean', 'growth', 'tolerated', ''),
    row('---', ...Array.from({ length: 4 }, () => '---:'), '---'),
    ...rows,
    '',
  ]
}

function lastLine({ verdict, grown, claimsASecond, storedASecond, latencies, seed }: LoadResult): string {
  const broken = new Set(verdict.violations.map(({ invariant }) => invariant))
  const held = Object.keys(verdict.grounds).filter((name) => !broken.has(name as never))
  const claims = Object.entries(latencies).filter(([name]) => name.startsWith('claim of'))
  const slowest = Math.max(0, ...claims.map(([, { p99 }]) => p99))
  const rates = `${claimsASecond.toFixed(0)} claims/s, ${storedASecond.toFixed(0)} key packages stored/s, p99 of claims ${milliseconds(slowest)} ms; seed ${seed}`
  const violated = broken.size === 0 ? '' : `; violated: ${[...broken].join(' ')}`
  const notFlat = grown.filter(({ isFlat }) => !isFlat).map(({ name }) => name)
  const growth = notFlat.length === 0 ? '; all flat' : `; grew: ${notFlat.join(', ')}`
  return `held: ${held.join(' ') || 'none'}${violated}${grown.length === 0 ? '' : growth} (${rates})`
}

function row(...cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function milliseconds(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0)
}
