/** The extension that signs (NIP-07), and the header that it signs for a request (NIP-98). */

import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

const HTTP_AUTH_KIND = 27235
const LOOK_AGAIN_MS = 100
/** Extensions add themselves to a page while it loads, or soon after. */
const LOOK_FOR_MS = 2_000

interface EventTemplate {
  readonly kind: number
  readonly created_at: number
  readonly tags: readonly (readonly string[])[]
  readonly content: string
}

interface Extension {
  getPublicKey(): Promise<string>
  signEvent(event: EventTemplate): Promise<object>
}

/** What an extension adds to the page (NIP-07). */
declare global {
  interface Window {
    readonly nostr?: Extension
  }
}

/** Somebody who has signed in. */
export interface Signer {
  readonly pubkey: string
  /** The value of the Authorization header for one request. Rejects where the person refuses, or has changed accounts. */
  authorise(method: string, url: string, body: string | undefined): Promise<string>
}

/** Resolves to whether there is an extension, which may come a little later than the page. */
export async function findExtension(): Promise<'found' | 'missing'> {
  for (let waited = 0; waited < LOOK_FOR_MS; waited += LOOK_AGAIN_MS) {
    if (window.nostr !== undefined) return 'found'
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
  }
  return 'missing'
}

/** Asks the extension who the person is. Rejects where they refuse. */
export async function signIn(): Promise<Signer> {
  const { nostr } = window
  if (nostr === undefined) throw new Error('There is no Nostr extension in this browser.')
  const pubkey = await nostr.getPublicKey()
  return { pubkey, authorise: (method, url, body) => authorise(nostr, { method, url, body }) }
}

interface Claim {
  readonly method: string
  readonly url: string
  readonly body: string | undefined
}

async function authorise(nostr: Extension, { method, url, body }: Claim): Promise<string> {
  const payload = body === undefined ? [] : [['payload', bytesToHex(sha256(new TextEncoder().encode(body)))]]
  const signed = await nostr.signEvent({
    kind: HTTP_AUTH_KIND,
    created_at: Math.floor(Date.now() / 1000),
    // Two requests of one second must not have one id, which is used once.
    tags: [['u', url], ['method', method], ...payload, ['nonce', nonce()]],
    content: '',
  })
  const bytes = new TextEncoder().encode(JSON.stringify(signed))
  return `Nostr ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}`
}

/** Not `randomUUID`, which exists in secure contexts alone. */
function nonce(): string {
  return bytesToHex(crypto.getRandomValues(new Uint8Array(16)))
}
