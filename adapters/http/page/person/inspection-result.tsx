/** The result of an inspection: a verdict for each generation of apps, each check, and the fields. */

import { useEffect, useId, useRef } from 'preact/hooks'
import type { Inspection } from '../inspection/inspect.ts'
import { exactTime } from '../shared/format.tsx'
import { sentence } from '../shared/requests.ts'

/** The generations of clients, as people know them. */
const GENERATIONS = {
  'nip-ee': { title: 'NIP-EE', apps: 'Loxation, pika, Paytaca' },
  'mip-00': { title: 'MIP-00', apps: 'Amethyst, White Noise, marmot-ts up to 0.5' },
  marmot: { title: 'Marmot', apps: 'mdk and newer marmot-ts, since July 2026' },
} as const
const TIMES = ['created_at', 'not_before', 'not_after']
const OUTCOMES = { passed: 'Passed', skipped: 'Skipped', refused: 'Failed' } as const

export function InspectionResult({ inspection }: { readonly inspection: Inspection }) {
  const heading = useRef<HTMLHeadingElement>(null)
  const checksId = useId()
  useEffect(() => heading.current?.focus(), [inspection])
  const { receivers, checks, fields } = inspection
  return (
    <div class="inspection">
      <h3 tabIndex={-1} ref={heading}>
        {receivers.length === 0 ? 'This is not an event' : 'Who accepts it'}
      </h3>
      {receivers.length > 0 && (
        <ul class="verdicts">
          {receivers.map((reception) => (
            <Verdict key={reception.generation} {...reception} />
          ))}
        </ul>
      )}
      <section aria-labelledby={checksId} class="checked">
        <h3 id={checksId}>What its receivers check</h3>
        <ul class="checks">
          {checks.map(({ check, outcome, message }) => (
            <li key={check} class={outcome}>
              <span>{nameOf(check)}</span>
              <span class={`outcome ${outcome}`}>{OUTCOMES[outcome]}</span>
              {message !== undefined && <span class="why">{sentence(withoutPrefix(message))}</span>}
            </li>
          ))}
        </ul>
      </section>
      {Object.keys(fields).length > 0 && (
        <details>
          <summary>What is in it</summary>
          <dl class="fields">
            {Object.entries(fields).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{shown(name, value)}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </div>
  )
}

function Verdict({ generation, accepted, reasons }: Inspection['receivers'][number]) {
  const { title, apps } = GENERATIONS[generation]
  return (
    <li class={accepted ? 'accepted' : 'refused'}>
      <p class="verdict">
        <strong>{title}</strong> <span>{accepted ? 'accepts it' : 'refuses it'}</span>
      </p>
      <p class="hint">{apps}</p>
      {reasons.length > 0 && (
        <ul>
          {reasons.map((reason) => (
            <li key={reason}>{sentence(reason)}</li>
          ))}
        </ul>
      )}
    </li>
  )
}

function shown(name: string, value: Inspection['fields'][string]): string {
  if (TIMES.includes(name)) return `${value} (${exactTime(Number(value))})`
  return Array.isArray(value) ? value.join(', ') : String(value)
}

/** A name of RFC 9420, such as last_resort, stays as it is written there. */
function nameOf(check: string): string {
  return check.includes('_') ? check : sentence(check).slice(0, -1)
}

/** A NIP-01 prefix is for machines. */
function withoutPrefix(message: string): string {
  return message.replace(/^[a-z-]+: /, '')
}
