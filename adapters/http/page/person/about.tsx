/** What the relay says of itself: who runs it, and its limits. */

import { counted, decimal, duration, Npub } from '../shared/format.tsx'
import type { LoadedInformation, RelayInformation } from '../shared/information.ts'
import { Problem } from '../shared/layout.tsx'

/** Links to these alone: a contact or an icon may be any text. */
const LINK = /^(https?:\/\/|mailto:)/i
const MAIL = /^[^\s@:/]+@[^\s@:/]+\.[^\s@:/]+$/

export function About({ loaded }: { readonly loaded: LoadedInformation }) {
  return (
    <section id="about" class="card" aria-labelledby="about-title">
      <h2 id="about-title">This relay</h2>
      <Problem message={loaded.state === 'failed' ? loaded.message : undefined} />
      {loaded.state === 'loading' && <p class="hint">Loading…</p>}
      {loaded.state === 'loaded' && <Facts information={loaded.information} />}
    </section>
  )
}

function Facts({ information }: { readonly information: RelayInformation }) {
  const { description, contact, icon, terms_of_service: terms, pubkey } = information
  const limits = limitsOf(information)
  return (
    <>
      {description !== undefined && <p class="lead">{description}</p>}
      <dl class="facts">
        {contact !== undefined && (
          <div>
            <dt>Contact</dt>
            <dd>
              <Linked text={contact} />
            </dd>
          </div>
        )}
        {pubkey !== undefined && (
          <div>
            <dt>Run by</dt>
            <dd>
              <Npub pubkey={pubkey} />
            </dd>
          </div>
        )}
        {terms !== undefined && (
          <div>
            <dt>Terms of service</dt>
            <dd>
              <Linked text={terms} />
            </dd>
          </div>
        )}
        {icon !== undefined && (
          <div>
            <dt>Icon</dt>
            <dd>
              <Linked text={icon} />
            </dd>
          </div>
        )}
      </dl>
      {limits.length > 0 && (
        <>
          <h3>Limits</h3>
          <dl class="facts">
            {limits.map(([what, limit]) => (
              <div key={what}>
                <dt>{what}</dt>
                <dd>{limit}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </>
  )
}

function Linked({ text }: { readonly text: string }) {
  if (MAIL.test(text)) return <a href={`mailto:${text}`}>{text}</a>
  if (!LINK.test(text)) return <>{text}</>
  return (
    <a href={text} rel="noreferrer noopener">
      {text.replace(/^(https?:\/\/|mailto:)/i, '')}
    </a>
  )
}

function limitsOf({
  key_packages: own,
  limitation,
}: RelayInformation): readonly (readonly [string, string])[] {
  const { max_message_length: bytes, max_subscriptions: subscriptions } = limitation
  return [
    ...(own === undefined
      ? []
      : ([
          ['Kinds of events', own.kinds.join(' and ')],
          [
            'Key packages kept for one author',
            `${counted(own.max_stored, 'one-time package')}, as many slots`,
          ],
          ['Asking for one author', `${own.rate_limit.max} times in ${duration(own.rate_limit.window)}`],
          ['Packages of one author at a time', decimal(own.per_query)],
          ['Authors in one query', decimal(own.max_authors)],
          ['Who may ask', own.auth_required ? 'whoever authenticates (NIP-42)' : 'everybody'],
        ] as const)),
    ...(typeof bytes === 'number' ? ([['Longest message', `${decimal(bytes / 1024)} KiB`]] as const) : []),
    ...(typeof subscriptions === 'number'
      ? ([['Subscriptions of one connection', decimal(subscriptions)]] as const)
      : []),
  ]
}
