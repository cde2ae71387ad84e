/** A person's own packages: signing in, how many are left, each of them, and deleting one or all. */

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { OwnPackage } from '../../../../plugin/lifecycle/own-stock.ts'
import { useAnnounce } from '../shared/announcer.tsx'
import { Confirm } from '../shared/confirm.tsx'
import { counted } from '../shared/format.tsx'
import { Problem } from '../shared/layout.tsx'
import { messageOf } from '../shared/requests.ts'
import { SignedIn, SignIn, useSignIn } from '../shared/sign-in.tsx'
import type { Signer } from '../shared/signer.ts'
import { PackageTable } from './package-table.tsx'
import { deleteEverything, deletePackage, readStock, type Stock } from './stock.ts'
import { StockLevel } from './stock-level.tsx'

export function OwnPackages() {
  const state = useSignIn()
  const { signer } = state
  return (
    <section id="packages" class="card" aria-labelledby="packages-title">
      <h2 id="packages-title">Your key packages</h2>
      {signer === undefined ? (
        <SignIn
          state={state}
          purpose="Sign in to see the key packages that this relay keeps for you, and to delete them. Only you can see them."
        />
      ) : (
        <>
          <SignedIn state={state} signer={signer} />
          <SignedInPackages signer={signer} />
        </>
      )}
    </section>
  )
}

/** What is to be confirmed. */
type Deletion = OwnPackage | 'everything'

function SignedInPackages({ signer }: { readonly signer: Signer }) {
  const announce = useAnnounce()
  const heading = useRef<HTMLHeadingElement>(null)
  const [stock, setStock] = useState<Stock>()
  const [problem, setProblem] = useState<string>()
  const [isBusy, setBusy] = useState(false)
  const [asked, setAsked] = useState<Deletion>()

  const attempt = useCallback(async (act: () => Promise<void>) => {
    setBusy(true)
    setProblem(undefined)
    try {
      await act()
    } catch (error) {
      setProblem(messageOf(error))
    } finally {
      setBusy(false)
    }
  }, [])
  const load = useCallback(
    () =>
      attempt(async () => {
        const read = await readStock(signer)
        setStock(read)
        announce(`This relay keeps ${counted(read.packages.length, 'key package')} for you.`)
      }),
    [signer, attempt, announce],
  )
  useEffect(() => void load(), [load])

  const remove = (what: Deletion) =>
    attempt(async () => {
      setAsked(undefined)
      await (what === 'everything' ? deleteEverything(signer) : deletePackage(signer, what.id))
      announce(what === 'everything' ? 'All your key packages are deleted.' : 'The key package is deleted.')
      setStock(await readStock(signer))
      // The button that opened the dialog is gone with its row.
      heading.current?.focus()
    })

  return (
    <>
      <Problem message={problem} />
      {stock === undefined && isBusy && (
        <p class="hint">Asking the relay. Your extension may ask you to sign…</p>
      )}
      {stock !== undefined && <StockLevel stock={stock} />}
      {stock !== undefined && stock.packages.length > 0 && (
        <PackageTable
          packages={stock.packages}
          heading={heading}
          isBusy={isBusy}
          onDelete={(pkg) => setAsked(pkg)}
        />
      )}
      {stock?.packages.length === 0 && (
        <p class="empty" tabIndex={-1} ref={heading}>
          There are no key packages of yours here. Your app publishes them: name this relay among its key
          package relays.
        </p>
      )}
      <div class="actions">
        <button type="button" class="quiet" onClick={load} disabled={isBusy}>
          {isBusy ? 'Working…' : 'Refresh'}
        </button>
        {stock !== undefined && stock.packages.length > 0 && (
          <button type="button" class="danger quiet" onClick={() => setAsked('everything')} disabled={isBusy}>
            Delete all…
          </button>
        )}
      </div>
      {asked !== undefined && (
        <Confirm
          {...questionFor(asked, stock?.packages.length ?? 0)}
          onConfirm={() => void remove(asked)}
          onCancel={() => setAsked(undefined)}
        />
      )}
    </>
  )
}

function questionFor(what: Deletion, count: number) {
  const never = 'They never come back, even if they are published again.'
  if (what === 'everything') {
    return {
      title: 'Delete all your key packages?',
      text: `${counted(count, 'key package')} will be deleted. ${never} Until your app publishes new ones, nobody can add you to a group through this relay.`,
      action: 'Delete all',
    }
  }
  const twin = what.slot === undefined ? '' : ' A twin of kind 443 goes with it.'
  return {
    title: 'Delete this key package?',
    text: `It never comes back, even if it is published again.${twin} Your app keeps its private key.`,
    action: 'Delete',
  }
}
