/** Asks before something is done that cannot be undone. */

import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'

export interface Confirmation {
  readonly title: string
  readonly text: ComponentChildren
  /** What the button that does it says. */
  readonly action: string
  readonly onConfirm: () => void
  readonly onCancel: () => void
}

/** A modal dialog: the browser keeps the focus in it, and Escape cancels. The button that asked gets the focus back. */
export function Confirm({ title, text, action, onConfirm, onCancel }: Confirmation) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [titleId, textId] = [useId(), useId()]
  useLayoutEffect(() => {
    const { current } = dialog
    const opener = document.activeElement
    current?.showModal()
    return () => {
      // While it is open nothing else takes the focus.
      current?.close()
      if (opener instanceof HTMLElement) opener.focus()
    }
  }, [])
  return (
    <dialog
      ref={dialog}
      aria-labelledby={titleId}
      aria-describedby={textId}
      onCancel={(event) => {
        event.preventDefault()
        onCancel()
      }}
    >
      <h3 id={titleId}>{title}</h3>
      <p id={textId}>{text}</p>
      <div class="actions">
        {/* The first button has the focus: the one that changes nothing. */}
        <button type="button" class="quiet" onClick={onCancel}>
          Cancel
        </button>
        <button type="button" class="danger" onClick={onConfirm}>
          {action}
        </button>
      </div>
    </dialog>
  )
}
