/** The bans, and the allow list: shown to whoever reaches the listener, changed by an admin who signs in. */

import { useId, useRef, useState } from 'preact/hooks'
import { useAnnounce } from '../shared/announcer.tsx'
import { Confirm } from '../shared/confirm.tsx'
import { Npub, npubOf, Time } from '../shared/format.tsx'
import { Problem } from '../shared/layout.tsx'
import { messageOf } from '../shared/requests.ts'
import { SignedIn, SignIn, useSignIn } from '../shared/sign-in.tsx'
import { usePolled } from './polled.ts'
import { type Admin, canRemove, changeRule, type Rule, readSubject } from './rules.ts'

const EVERY_MS = 15_000

export function AccessRules({ when }: { readonly when: 'running' | 'paused' }) {
  const state = useSignIn()
  const announce = useAnnounce()
  const { data, problem, refresh } = usePolled<AccessDocument>('operator/access', { everyMs: EVERY_MS, when })
  const [failure, setFailure] = useState<string>()
  const [asked, setAsked] = useState<Rule>()
  const heading = useRef<HTMLHeadingElement>(null)
  const { signer } = state
  const admin = signer && { signer, relayUrl: data?.relayUrl }

  const remove = async (by: Admin, rule: Rule) => {
    setAsked(undefined)
    setFailure(undefined)
    try {
      await changeRule(by, 'remove', rule)
      announce(rule.list === 'ban' ? 'The ban is lifted.' : 'Taken off the allow list.')
      heading.current?.focus()
    } catch (error) {
      setFailure(messageOf(error))
    } finally {
      // Also after a refusal: of a relay behind, which leaves the change here in force.
      refresh()
    }
  }
  return (
    <section id="access" class="card" aria-labelledby="access-title">
      <h2 id="access-title" tabIndex={-1} ref={heading}>
        Bans and the allow list
      </h2>
      <Problem message={failure ?? problem} />
      {data !== undefined && (
        <RuleTable rules={data.rules} onRemove={signer && ((rule: Rule) => setAsked(rule))} />
      )}
      {admin === undefined ? (
        <SignIn state={state} purpose="Sign in as an admin (admin.pubkeys) to ban, allow, or lift a ban." />
      ) : (
        <>
          <SignedIn state={state} signer={admin.signer} />
          <AddRule admin={admin} onTried={refresh} />
        </>
      )}
      {asked !== undefined && admin !== undefined && (
        <Confirm
          title={asked.list === 'ban' ? 'Lift this ban?' : 'Take this off the allow list?'}
          text={shownSubject(asked.subject)}
          action={asked.list === 'ban' ? 'Lift the ban' : 'Take it off'}
          onConfirm={() => void remove(admin, asked)}
          onCancel={() => setAsked(undefined)}
        />
      )}
    </section>
  )
}

interface AccessDocument {
  readonly rules: readonly Rule[]
  /** What changes are signed for, so that the relay behind can be told too. */
  readonly relayUrl?: string
}

interface RuleTableSettings {
  readonly rules: readonly Rule[]
  readonly onRemove: ((rule: Rule) => void) | undefined
}

function RuleTable({ rules, onRemove }: RuleTableSettings) {
  if (rules.length === 0) return <p class="empty">Nobody is banned, and the allow list is empty.</p>
  return (
    <table class="cards" aria-labelledby="access-title">
      <thead>
        <tr>
          <th scope="col">Who</th>
          <th scope="col">Rule</th>
          <th scope="col">Reason</th>
          <th scope="col">Since</th>
          <th scope="col">
            <span class="visually-hidden">Action</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rules.map((rule) => (
          <tr key={`${rule.list} ${rule.subject} ${rule.from}`}>
            <th scope="row">
              <Subject subject={rule.subject} />
            </th>
            <td data-label="Rule">
              <span class={`badge ${rule.list === 'ban' ? 'out' : 'fresh'}`}>
                {rule.list === 'ban' ? 'Banned' : 'Allowed'}
              </span>
            </td>
            <td data-label="Reason">{rule.reason ?? <span class="hint">none given</span>}</td>
            <td data-label="Since">
              {rule.at === undefined ? <span class="hint">in the settings</span> : <Time at={rule.at} />}
            </td>
            <td class="action">
              {onRemove !== undefined && canRemove(rule) && (
                <button
                  type="button"
                  class="quiet small"
                  aria-label={`${rule.list === 'ban' ? 'Lift the ban of' : 'Take off the allow list:'} ${shownSubject(rule.subject)}`}
                  onClick={() => onRemove(rule)}
                >
                  {rule.list === 'ban' ? 'Lift…' : 'Take off…'}
                </button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function AddRule({ admin, onTried }: { readonly admin: Admin; readonly onTried: () => void }) {
  const announce = useAnnounce()
  const [subjectId, reasonId, listId] = [useId(), useId(), useId()]
  const form = useRef<HTMLFormElement>(null)
  const [problem, setProblem] = useState<string>()
  const [isBusy, setBusy] = useState(false)

  const add = async () => {
    const { current } = form
    if (current === null) return
    const typed = new FormData(current)
    setBusy(true)
    setProblem(undefined)
    try {
      const reason = String(typed.get('reason')).trim()
      const list = typed.get('list') === 'allow' ? 'allow' : 'ban'
      const subject = readSubject(String(typed.get('subject')))
      await changeRule(admin, 'add', { list, subject, ...(reason !== '' && { reason }) })
      announce(list === 'ban' ? 'Banned.' : 'Allowed.')
      current.reset()
    } catch (error) {
      setProblem(messageOf(error))
    } finally {
      setBusy(false)
      onTried()
    }
  }
  return (
    <form
      ref={form}
      class="add-rule"
      aria-label="Add a rule"
      onSubmit={(event) => {
        event.preventDefault()
        void add()
      }}
    >
      <div class="wide">
        <label for={subjectId}>Pubkey, address or network</label>
        <input
          id={subjectId}
          name="subject"
          required
          spellcheck={false}
          autocomplete="off"
          placeholder="npub1… or 203.0.113.0/24"
        />
      </div>
      <div>
        <label for={listId}>Rule</label>
        <select id={listId} name="list">
          <option value="ban">Ban</option>
          <option value="allow">Allow</option>
        </select>
      </div>
      <div class="wide">
        <label for={reasonId}>Reason (optional)</label>
        <input id={reasonId} name="reason" autocomplete="off" placeholder="Only you see it" />
      </div>
      <button type="submit" class="primary" disabled={isBusy}>
        {isBusy ? 'Working…' : 'Add'}
      </button>
      <div class="whole">
        <Problem message={problem} />
      </div>
    </form>
  )
}

function Subject({ subject }: { readonly subject: string }) {
  return npubOf(subject) === subject ? <code>{subject}</code> : <Npub pubkey={subject} />
}

function shownSubject(subject: string): string {
  return npubOf(subject)
}
