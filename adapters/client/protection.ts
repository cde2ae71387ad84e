/**
 * Protects one-time packages where the relay supports it (NIP-70): with a `-` tag nobody but the author can publish the event
 * anywhere, so no other relay hands the same package out.
 */

import type { EventTemplate, NostrEvent } from 'nostr-tools/core'
import { withContent } from '../../plugin/key-package/encoding.ts'
import { parseRefusal } from '../../plugin/nostr/machine-readable.ts'
import { type Publication, type PublishOutcome, type PublishSettings, publishToFirst } from './publish.ts'
import type { Timeout } from './time.ts'

const PROTECTED_EVENTS_NIP = 70
const TAG = '-'
/** A relay that is slow to say what it supports is published to without. */
const MAX_WAIT_MS = 2000
/** In bytes. Information documents have a few thousand. */
const MAX_DOCUMENT = 2 ** 18

/**
 * Whether a relay supports protected key packages by its information document (NIP-11): it lists NIP-70, or is a gateway that
 * checks the key packages itself. False if there is no such document. Never rejects.
 */
export async function supportsProtection(relay: string, { time, timeoutMs }: Timeout): Promise<boolean> {
  const abort = new AbortController()
  const cancel = time.after(Math.min(timeoutMs, MAX_WAIT_MS), () => abort.abort())
  try {
    const response = await fetch(relay.replace(/^ws/, 'http'), {
      headers: { accept: 'application/nostr+json' },
      signal: abort.signal,
    })
    const { supported_nips, key_packages } = Object(JSON.parse(await textOf(response)))
    const isListed = Array.isArray(supported_nips) && supported_nips.includes(PROTECTED_EVENTS_NIP)
    return isListed || Object(key_packages).protected === true
  } catch {
    return false
  } finally {
    cancel()
    abort.abort()
  }
}

/** @throws Error if it is too long */
async function textOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  const reader = body?.getReader()
  let text = ''
  for (;;) {
    const { done = true, value } = (await reader?.read()) ?? {}
    if (done) return text + decoder.decode()
    text += decoder.decode(value, { stream: true })
    if (text.length > MAX_DOCUMENT) throw new Error('the document is too long')
  }
}

export interface ProtectionSettings {
  readonly protects: (relay: string) => Promise<boolean>
  readonly sign: (template: EventTemplate) => Promise<NostrEvent>
}

/** The event of a one-time package, with the tag for relays that support it, and without it for others. */
export class ProtectableEvent {
  readonly #open: EventTemplate
  readonly #settings: ProtectionSettings
  readonly #signed = new Map<EventTemplate, Promise<NostrEvent>>()
  /** By relay, what it gets. It always gets the same, because it may have it from an earlier attempt. */
  readonly #versions = new Map<string, EventTemplate>()
  readonly #protected: EventTemplate

  /** If the template has the tag itself, every relay gets it so. */
  constructor(template: EventTemplate, settings: ProtectionSettings) {
    const hasTag = template.tags.some(([name]) => name === TAG)
    this.#open = template
    this.#protected = hasTag ? template : { ...template, tags: [...template.tags, [TAG]] }
    this.#settings = settings
  }

  /** Signs what the relay is to get. @throws what the signer throws */
  async signedFor(relay: string): Promise<NostrEvent> {
    const version = this.#versions.get(relay) ?? (await this.#versionFor(relay))
    this.#versions.set(relay, version)
    const signed = this.#signed.get(version) ?? this.#settings.sign(version)
    this.#signed.set(version, signed)
    return signed
  }

  /** Publishes to the first relay that accepts it, as `publishToFirst` does. The event is the one that was sent last. */
  async publish([first = '', ...others]: readonly string[], settings: PublishSettings): Promise<Publication> {
    let sent = await this.signedFor(first)
    const send = async (relay: string): Promise<PublishOutcome> => {
      try {
        sent = await this.signedFor(relay)
      } catch (error) {
        return { outcome: 'refused', message: String(error) }
      }
      return settings.publish(relay, sent)
    }
    const publish = async (relay: string) => {
      const outcome = await send(relay)
      if (outcome.outcome !== 'refused' || !isAboutProtection(outcome.message)) return outcome
      if (this.#versions.get(relay) === this.#open) return outcome
      this.#versions.set(relay, this.#open)
      return send(relay)
    }
    const publication = await publishToFirst(sent, [first, ...others], { ...settings, publish })
    return { ...publication, event: withContent(sent, sent.content, sent.tags) }
  }

  async #versionFor(relay: string): Promise<EventTemplate> {
    return (await this.#settings.protects(relay)) ? this.#protected : this.#open
  }
}

/** Relays that do not support NIP-70 must refuse such events; those that do may not be satisfied with the authentication. */
function isAboutProtection(message: string): boolean {
  return parseRefusal(message).prefix === 'auth-required' || /protected|nip-?70/i.test(message)
}
