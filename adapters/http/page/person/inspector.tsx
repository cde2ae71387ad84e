/** Inspects an event that somebody pastes: what is in it, which check fails, and whose apps accept it. */

import { useId, useRef, useState } from 'preact/hooks'
import type { Inspection } from '../inspection/inspect.ts'
import { useAnnounce } from '../shared/announcer.tsx'
import { Problem } from '../shared/layout.tsx'
import { messageOf } from '../shared/requests.ts'
import { InspectionResult } from './inspection-result.tsx'

/** Longer than any event that is accepted; JSON of that length is read at once. */
const MAX_LENGTH = 1_000_000

export function Inspector() {
  const announce = useAnnounce()
  const [textId, hintId] = [useId(), useId()]
  const text = useRef<HTMLTextAreaElement>(null)
  const [inspection, setInspection] = useState<Inspection>()
  const [problem, setProblem] = useState<string>()

  const inspect = async () => {
    setProblem(undefined)
    setInspection(undefined)
    try {
      const event = eventIn(text.current?.value ?? '')
      const { inspectHere } = await import('../inspection/inspect.ts')
      const found = inspectHere(event, Math.floor(Date.now() / 1000))
      setInspection(found)
      announce(summaryOf(found))
    } catch (error) {
      setProblem(messageOf(error))
    }
  }
  return (
    <section id="inspect" class="card" aria-labelledby="inspect-title">
      <h2 id="inspect-title">Inspect a key package</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void inspect()
        }}
      >
        <label for={textId}>A key package event, as JSON</label>
        <textarea
          id={textId}
          ref={text}
          rows={5}
          required
          spellcheck={false}
          autocomplete="off"
          maxLength={MAX_LENGTH}
          aria-describedby={hintId}
          placeholder={'{"kind":443,"pubkey":"…","content":"…","tags":[…],…}'}
        />
        <p class="hint" id={hintId}>
          It is checked in your browser, and sent nowhere.
        </p>
        <Problem message={problem} />
        <div class="actions">
          <button type="submit" class="primary">
            Inspect
          </button>
        </div>
      </form>
      {inspection !== undefined && <InspectionResult inspection={inspection} />}
    </section>
  )
}

/** @throws Error for text that is no JSON */
function eventIn(text: string): unknown {
  if (text.trim() === '') throw new Error('Paste an event first.')
  try {
    const value: unknown = JSON.parse(text)
    // Relays send events as ["EVENT", ..., event].
    return Array.isArray(value) && value[0] === 'EVENT' ? value.at(-1) : value
  } catch {
    throw new Error('This is not JSON. Paste the whole event, from { to }.')
  }
}

function summaryOf({ receivers, checks }: Inspection): string {
  const accepting = receivers.filter(({ accepted }) => accepted).length
  const failed = checks.filter(({ outcome }) => outcome === 'refused').length
  return `Inspected: ${accepting} of 3 generations of apps accept it, ${failed} checks fail.`
}
