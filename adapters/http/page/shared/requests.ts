/** Requests to the server that the page came from, and its refusals in the words that it used. */

import type { Signer } from './signer.ts'

/** A refusal, or that no answer came. The message is for the person who reads the page. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  /** Absent where no answer came. */
  readonly status: number | undefined

  constructor(message: string, status?: number) {
    super(message)
    this.status = status
  }
}

export interface RequestSettings {
  readonly method?: string
  /** Signs the request (NIP-98). */
  readonly signer?: Signer
  /** What is signed in place of the URL that the request goes to. */
  readonly signedUrl?: string | undefined
  /** Sent as JSON. */
  readonly json?: object
  /** The media type of `json`. */
  readonly type?: string
  readonly accept?: string
}

/**
 * Resolves with the JSON of the answer; undefined if it has no body. Rejects with RequestError.
 * @param path relative to the page
 */
export async function request(path: string, settings: RequestSettings = {}): Promise<unknown> {
  const { method = 'GET', signer, json, type = 'application/json', accept = 'application/json' } = settings
  const url = new URL(path, document.baseURI).href
  const { signedUrl = url } = settings
  const body = json && JSON.stringify(json)
  const headers = {
    accept,
    ...(body !== undefined && { 'content-type': type }),
    ...(signer && { authorization: await signer.authorise(method, signedUrl, body) }),
  }
  const response = await send(url, {
    method,
    headers,
    ...(body !== undefined && { body }),
    cache: 'no-store',
  })
  const text = await response.text()
  if (!response.ok) throw new RequestError(reasonOf(text, response), response.status)
  return text === '' ? undefined : parse(text)
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch {
    throw new RequestError('The server does not answer. Check your connection, then try again.')
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new RequestError('The server answered with something that is not JSON.')
  }
}

/** The sentence of a refusal (RFC 9457), without its NIP-01 prefix. */
function reasonOf(text: string, { status, statusText }: Response): string {
  const detail = detailOf(text)
  if (detail === undefined) return `The server answered ${status} ${statusText}.`
  return inPlainWords(detail) ?? sentence(detail.replace(/^[a-z-]+: /, ''))
}

/** What refusals of NIP-98 mean for the person at the page, which signs for the address that it was opened at. */
function inPlainWords(detail: string): string | undefined {
  const [, expected] = /the u tag must be (https?:\/\/[^\s/]+)/.exec(detail) ?? []
  if (expected !== undefined) return `To sign in, open this page at ${expected}, the relay's own address.`
  if (detail.includes('seconds from now'))
    return "Your clock and the relay's differ by more than a minute. Set yours, then try again."
  return undefined
}

function detailOf(text: string): string | undefined {
  try {
    const { detail, error } = JSON.parse(text) as { detail?: unknown; error?: unknown }
    if (typeof detail === 'string') return detail
    return typeof error === 'string' ? error : undefined
  } catch {
    return undefined
  }
}

/** Words as a sentence: a capital first, a full stop last. */
export function sentence(words: string): string {
  const begun = words.charAt(0).toUpperCase() + words.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}

/** What went wrong, for the person who reads the page. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? sentence(error.message) : 'Something went wrong.'
}
