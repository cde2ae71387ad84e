/** The page for the operator, on their listener: the last hour in charts, who runs low, and who is banned. */

import { render } from 'preact'
import { useState } from 'preact/hooks'
import { AccessRules } from './operator/access.tsx'
import { Charts, Glance } from './operator/charts.tsx'
import type { History } from './operator/history.ts'
import { LowAuthorsList } from './operator/low-authors.tsx'
import { usePolled } from './operator/polled.ts'
import { Announcer } from './shared/announcer.tsx'
import { clockTime } from './shared/format.tsx'
import { Footer, Header, Problem } from './shared/layout.tsx'

const LINKS = [
  { href: '#hour', text: 'The last hour' },
  { href: '#low', text: 'Who runs low' },
  { href: '#access', text: 'Bans' },
] as const
const EVERY_MS = 5_000

function Operator() {
  const [when, setWhen] = useState<'running' | 'paused'>('running')
  const { data, problem } = usePolled<History>('operator/history', { everyMs: EVERY_MS, when })
  const latest = data?.samples.at(-1)
  return (
    <Announcer>
      <Header title="Operator" links={LINKS} />
      <main id="main">
        <section id="hour" class="hour" aria-labelledby="hour-title">
          <div class="title">
            <h2 id="hour-title">The last hour</h2>
            <button
              type="button"
              class="quiet small"
              aria-pressed={when === 'paused'}
              onClick={() => setWhen(when === 'running' ? 'paused' : 'running')}
            >
              Pause
            </button>
            <p class="hint">
              {latest !== undefined &&
                `Until ${clockTime(latest.at)}, ${when === 'running' ? 'live' : 'paused'}. Point at a chart to read its values.`}
            </p>
          </div>
          <Problem message={problem} />
          {data === undefined && problem === undefined && <p class="hint">Loading…</p>}
          {data !== undefined && latest === undefined && (
            <p class="empty">Nothing has been counted yet. The first figures are here in a moment.</p>
          )}
          {data !== undefined && latest !== undefined && (
            <>
              <Glance history={data} />
              <Charts history={data} />
            </>
          )}
        </section>
        <LowAuthorsList when={when} />
        <AccessRules when={when} />
      </main>
      <Footer version={undefined} />
    </Announcer>
  )
}

const root = document.getElementById('page')
if (root !== null) {
  root.textContent = ''
  render(<Operator />, root)
}
