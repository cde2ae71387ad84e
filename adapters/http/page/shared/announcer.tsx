/** Says what has happened to people who do not see it: one live region for the whole page. */

import type { ComponentChildren } from 'preact'
import { createContext } from 'preact'
import { useCallback, useContext, useState } from 'preact/hooks'

type Announce = (message: string) => void

const Context = createContext<Announce>(() => undefined)

export function useAnnounce(): Announce {
  return useContext(Context)
}

export function Announcer({ children }: { readonly children: ComponentChildren }) {
  const [said, setSaid] = useState({ message: '', count: 0 })
  const announce = useCallback<Announce>(
    (message) => setSaid(({ count }) => ({ message, count: count + 1 })),
    [],
  )
  return (
    <Context.Provider value={announce}>
      {children}
      {/* The same words twice are only read again if the element is new. */}
      <div class="visually-hidden" role="status" aria-live="polite" id="announcements">
        <p key={said.count}>{said.message}</p>
      </div>
    </Context.Provider>
  )
}
