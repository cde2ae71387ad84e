/** A table of a person's own packages. On a narrow screen each row is a card, and stays a row for assistive technology. */

import type { RefObject } from 'preact'
import type { OwnPackage } from '../../../../plugin/lifecycle/own-stock.ts'
import { shortId, Time, times } from '../shared/format.tsx'

interface PackageTableSettings {
  readonly packages: readonly OwnPackage[]
  /** Takes the focus when a row is gone. */
  readonly heading: RefObject<HTMLHeadingElement | null>
  readonly isBusy: boolean
  readonly onDelete: (pkg: OwnPackage) => void
}

const STATES: Readonly<Record<OwnPackage['state'], { readonly text: string; readonly meaning: string }>> = {
  fresh: { text: 'Fresh', meaning: 'Nobody has it yet' },
  exposed: { text: 'Shared', meaning: 'Handed out, and kept for whoever asks next' },
  reusable: { text: 'Reusable', meaning: 'Handed out until your app replaces it' },
}

export function PackageTable({ packages, heading, isBusy, onDelete }: PackageTableSettings) {
  return (
    <>
      <h3 tabIndex={-1} ref={heading} id="package-list">
        All of them, newest first
      </h3>
      <table class="cards" aria-labelledby="package-list">
        <thead>
          <tr>
            <th scope="col">Package</th>
            <th scope="col">State</th>
            <th scope="col">Handed out</th>
            <th scope="col">Published</th>
            <th scope="col">Expires</th>
            <th scope="col">
              <span class="visually-hidden">Action</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {packages.map((pkg) => (
            <PackageRow key={pkg.id} pkg={pkg} isBusy={isBusy} onDelete={onDelete} />
          ))}
        </tbody>
      </table>
    </>
  )
}

function PackageRow({
  pkg,
  isBusy,
  onDelete,
}: {
  readonly pkg: OwnPackage
  readonly isBusy: boolean
  readonly onDelete: PackageTableSettings['onDelete']
}) {
  const { text, meaning } = STATES[pkg.state]
  return (
    <tr>
      <th scope="row">
        {kindOf(pkg)} <code title={pkg.id}>{shortId(pkg.id)}</code>
        {pkg.slot !== undefined && (
          <span class="slot" title={pkg.slot}>
            {pkg.slot}
          </span>
        )}
      </th>
      <td data-label="State">
        <span class={`badge ${pkg.state}`}>{text}</span> <span class="hint">{meaning}</span>
      </td>
      <td data-label="Handed out">{pkg.delivered === undefined ? 'not counted' : times(pkg.delivered)}</td>
      <td data-label="Published">
        <Time at={pkg.publishedAt} />
      </td>
      <td data-label="Expires">
        <Time at={pkg.expiresAt} />
      </td>
      <td class="action">
        <button
          type="button"
          class="danger quiet small"
          disabled={isBusy}
          aria-label={`Delete ${kindOf(pkg).toLowerCase()} package ${shortId(pkg.id)}`}
          onClick={() => onDelete(pkg)}
        >
          Delete…
        </button>
      </td>
    </tr>
  )
}

function kindOf({ kind, slot, alias }: OwnPackage): string {
  if (alias) return 'Twin of a slot'
  if (slot !== undefined) return 'Slot'
  return kind === 443 ? 'One-time' : `Kind ${kind}`
}
