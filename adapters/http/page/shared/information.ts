/** What the relay says of itself (NIP-11), as far as the page shows it. */

import { useEffect, useState } from 'preact/hooks'
import type { KeyPackagesInformation } from '../../../../plugin/information.ts'
import { messageOf, request } from './requests.ts'

/** A relay's document may hold anything; what is not of the kind that is expected is left out. */
export interface RelayInformation {
  readonly name?: string
  readonly description?: string
  readonly contact?: string
  readonly icon?: string
  readonly pubkey?: string
  readonly software?: string
  readonly version?: string
  readonly terms_of_service?: string
  readonly limitation: Readonly<Record<string, number | boolean>>
  readonly key_packages?: KeyPackagesInformation
}

export type LoadedInformation =
  | { readonly state: 'loading' }
  | { readonly state: 'loaded'; readonly information: RelayInformation }
  | { readonly state: 'failed'; readonly message: string }

const TEXTS = [
  'name',
  'description',
  'contact',
  'icon',
  'pubkey',
  'software',
  'version',
  'terms_of_service',
] as const

export function useInformation(): LoadedInformation {
  const [loaded, setLoaded] = useState<LoadedInformation>({ state: 'loading' })
  useEffect(() => {
    request('api/v1/information').then(
      (document) => setLoaded({ state: 'loaded', information: readInformation(document) }),
      (error) => setLoaded({ state: 'failed', message: messageOf(error) }),
    )
  }, [])
  return loaded
}

function readInformation(document: unknown): RelayInformation {
  const fields = isRecord(document) ? document : {}
  const texts = TEXTS.flatMap((name) => {
    const text = fields[name]
    return typeof text === 'string' && text !== '' ? [[name, text]] : []
  })
  const limits = Object.entries(isRecord(fields.limitation) ? fields.limitation : {}).filter(
    ([, limit]) => typeof limit === 'number' || typeof limit === 'boolean',
  )
  return {
    ...Object.fromEntries(texts),
    limitation: Object.fromEntries(limits),
    ...(isOurs(fields.key_packages) && { key_packages: fields.key_packages }),
  }
}

/** The gateway writes it itself, whatever the relay behind says. */
function isOurs(value: unknown): value is KeyPackagesInformation {
  return isRecord(value)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
