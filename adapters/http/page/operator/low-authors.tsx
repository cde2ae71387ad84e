/** The authors who have few fresh packages left. */

import type { LowAuthor } from '../../../../plugin/lifecycle/stock-survey.ts'
import { clockTime, counted, Npub } from '../shared/format.tsx'
import { Problem } from '../shared/layout.tsx'
import { usePolled } from './polled.ts'

interface LowAuthors {
  /** Below so many fresh packages an author is low. */
  readonly low: number
  /** Seconds since the epoch. */
  readonly surveyedAt: number | null
  /** How many are low; the list may be shorter. */
  readonly total: number | null
  readonly authors: readonly LowAuthor[]
}

const EVERY_MS = 15_000
/** So many are shown; the command line lists all. */
const MAX_SHOWN = 30

export function LowAuthorsList({ when }: { readonly when: 'running' | 'paused' }) {
  const { data, problem } = usePolled<LowAuthors>('operator/low-authors', { everyMs: EVERY_MS, when })
  return (
    <section id="low" class="card" aria-labelledby="low-title">
      <h2 id="low-title">Who runs low</h2>
      <Problem message={problem} />
      {data !== undefined && <Listed {...data} />}
    </section>
  )
}

function Listed({ low, surveyedAt, total, authors }: LowAuthors) {
  const shown = authors.slice(0, MAX_SHOWN)
  if (surveyedAt === null || total === null) return <p class="hint">The authors have not been counted yet.</p>
  const counting = `Counted at ${clockTime(surveyedAt)}.`
  if (total === 0)
    return (
      <p class="empty">
        Every author has at least {counted(low, 'fresh package')}. {counting}
      </p>
    )
  return (
    <>
      <p class="hint">
        {counted(total, 'author')} with fewer than {counted(low, 'fresh one-time package')}. They are asked
        for more when they connect. {counting}
      </p>
      <ul class="low-authors">
        {shown.map(({ pubkey, ...stock }) => (
          <li key={pubkey}>
            <Npub pubkey={pubkey} />
            <span class={`badge ${stock.fresh === 0 ? 'out' : 'exposed'}`}>{stockOf(stock)}</span>
          </li>
        ))}
      </ul>
      {total > shown.length && (
        <p class="hint">
          {counted(total - shown.length, 'more author')}: <code>keypackage-gateway list --low</code> lists
          them all.
        </p>
      )}
    </>
  )
}

function stockOf({ fresh, packages }: Omit<LowAuthor, 'pubkey'>): string {
  if (packages === 0) return 'nothing left'
  return fresh === 0 ? 'last one shared' : `${fresh} fresh`
}
