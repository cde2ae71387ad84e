/** Signing in with a NIP-07 extension: who has signed in, and the button for whoever has not. */

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { Npub } from './format.tsx'
import { Problem } from './layout.tsx'
import { messageOf } from './requests.ts'
import { findExtension, type Signer, signIn } from './signer.ts'

type Extension = 'looking' | 'found' | 'missing'

export interface SignInState {
  readonly signer: Signer | undefined
  readonly extension: Extension
  readonly problem: string | undefined
  readonly isBusy: boolean
  readonly signIn: () => void
  readonly signOut: () => void
}

export function useSignIn(): SignInState {
  const [extension, setExtension] = useState<Extension>('looking')
  const [signer, setSigner] = useState<Signer>()
  const [problem, setProblem] = useState<string>()
  const [isBusy, setBusy] = useState(false)
  useEffect(() => void findExtension().then(setExtension), [])
  const start = useCallback(async () => {
    setBusy(true)
    setProblem(undefined)
    try {
      setSigner(await signIn())
      setExtension('found')
    } catch (error) {
      setProblem(`You are not signed in. ${messageOf(error)}`)
    } finally {
      setBusy(false)
    }
  }, [])
  const stop = useCallback(() => setSigner(undefined), [])
  return { signer, extension, problem, isBusy, signIn: start, signOut: stop }
}

/** @param purpose why somebody would sign in here */
export function SignIn({ state, purpose }: { readonly state: SignInState; readonly purpose: string }) {
  const { extension, problem, isBusy } = state
  return (
    <div class="sign-in">
      <p>{purpose}</p>
      {extension === 'missing' ? (
        <p class="hint" id="no-extension">
          No Nostr extension was found. Install one that signs for web pages (NIP-07), such as{' '}
          <a href="https://github.com/fiatjaf/nos2x">nos2x</a> or <a href="https://getalby.com">Alby</a>, then
          reload this page. Your key stays in the extension.
        </p>
      ) : (
        <button type="button" class="primary" onClick={state.signIn} disabled={isBusy}>
          {isBusy ? 'Waiting for your extension…' : 'Sign in with your Nostr extension'}
        </button>
      )}
      <Problem message={problem} />
    </div>
  )
}

/** Who has signed in. It takes the focus, which was on the button that is gone. */
export function SignedIn({ state, signer }: { readonly state: SignInState; readonly signer: Signer }) {
  const line = useRef<HTMLParagraphElement>(null)
  useEffect(() => line.current?.focus(), [])
  return (
    <p class="signed-in" ref={line} tabIndex={-1}>
      <span>
        Signed in as <Npub pubkey={signer.pubkey} />
      </span>
      <button type="button" class="quiet small" onClick={state.signOut}>
        Sign out
      </button>
    </p>
  )
}
