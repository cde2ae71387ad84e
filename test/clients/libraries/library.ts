/** What the tests ask of every client library, each unchanged and with the settings that its own README shows. */

import type { Filter } from 'nostr-tools/filter'
import type { Event } from 'nostr-tools/pure'
import type { Person } from '../../support/people.ts'

export interface Library {
  readonly name: string
  /** Connects as a person, who answers AUTH where the library can. */
  connect(url: string, person: Person): Promise<Connection>
}

export interface Connection {
  /** Rejects with the relay's reason if it refuses the event. Absent where the library only reads. */
  publish?(event: Event): Promise<unknown>
  /** What the library shows its user; rejects or is empty if the relay refuses, as the library would have it. */
  fetch(filter: Filter): Promise<readonly { readonly id: string }[]>
  /** Resolves once it is authenticated. Absent where the library cannot be. */
  authenticated?(): Promise<unknown>
  close(): unknown
}
