/**
 * A stand-in for a Nostr extension (NIP-07), so that the demo can be tried without one: `?as=NAME` opens the page as one of its
 * made-up people, for whom this process signs.
 */

import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { EventTemplate } from 'nostr-tools/core'
import { readBody } from '../../http/body.ts'
import { PAGE_DOCUMENTS, PAGE_FOLDER, PAGE_SECURITY } from '../../http/page.ts'
import type { HttpPart } from '../../http/routing.ts'
import type { Resident } from './residents.ts'

/** Somebody for whom this process signs. */
type Signer = Pick<Resident, 'name' | 'pubkey' | 'sign'>

const SCRIPT = '/demo/extension.js'
const SIGN = '/demo/sign'
const MAX_BYTES = 65_536

/** @param view whose page it is */
export function standInPart(view: keyof typeof PAGE_DOCUMENTS, signers: readonly Signer[]): HttpPart {
  const document = readFileSync(join(PAGE_FOLDER, PAGE_DOCUMENTS[view]), 'utf8')
  return ({ request, response, path }) => {
    const { searchParams } = new URL(request.url ?? '', 'http://localhost')
    const name = searchParams.get('as')?.toLowerCase()
    const signer = signers.find((each) => each.name.toLowerCase() === name)
    if (signer === undefined) return false
    if (path === '/') return send(response, 'text/html', withExtension(document, signer))
    if (path === SCRIPT) return send(response, 'text/javascript', extensionOf(signer))
    if (path !== SIGN || !isFromPage(request)) return false
    sign(signer, request, response).catch(() => response.writeHead(400).end())
    return true
  }
}

/** The page with the script of the stand-in before its own. */
function withExtension(document: string, { name }: Signer): string {
  return document.replace('<script', `<script src=".${SCRIPT}?as=${name}"></script><script`)
}

function extensionOf({ name, pubkey }: Signer): string {
  return `window.nostr = {
  getPublicKey: async () => '${pubkey}',
  signEvent: async (event) => {
    const answer = await fetch('.${SIGN}?as=${name}', { method: 'POST', body: JSON.stringify(event) })
    return answer.json()
  },
}
`
}

/** Browsers say so; nothing else is signed for, although the keys are worth nothing. */
function isFromPage({ method, headers }: IncomingMessage): boolean {
  return method === 'POST' && headers['sec-fetch-site'] === 'same-origin'
}

async function sign(signer: Signer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const read = await readBody(request, { maxBytes: MAX_BYTES })
  if (read.outcome !== 'read') return void response.writeHead(400).end()
  const { kind, created_at, tags, content } = JSON.parse(read.body.toString()) as EventTemplate
  send(response, 'application/json', JSON.stringify(signer.sign({ kind, created_at, tags, content })))
}

function send(response: ServerResponse, type: string, body: string): true {
  response.writeHead(200, {
    ...PAGE_SECURITY,
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(body)
  return true
}
