/** What the standalone server answers to plain HTTP: its NIP-11 document, and little else. */

import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { afterEach, describe, expect, it } from '@jest/globals'
import { npubEncode } from 'nostr-tools/nip19'
import { type ServerOptions, serverOptionsSchema } from '../../../../adapters/relays/server/server-options.ts'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import type { OptionsInput } from '../../../../plugin/options.ts'
import { person } from '../../../support/people.ts'
import { startTestServer, type TestServer } from '../../../support/server.ts'

let relay: TestServer

async function start(server?: Partial<ServerOptions>, options?: OptionsInput): Promise<void> {
  relay = await startTestServer(memoryStore(), options, server)
}

afterEach(() => relay?.stop())

describe('the relay information document (NIP-11)', () => {
  it('is sent to clients that accept it', async () => {
    await start(
      { name: 'Keys', contact: 'mailto:op@example.com', maxSubscriptions: 7 },
      {
        profile: 'nip-ee-relay',
        kinds: [443, 30443],
        requester: 'auth',
        claim: { perAuthor: 2 },
        quota: { perAuthor: { max: 5 } },
      },
    )
    const { status, headers, body } = await http('GET', '/', { accept: 'application/nostr+json' })
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': 'application/nostr+json',
      'access-control-allow-origin': '*',
    })
    expect(JSON.parse(body)).toEqual({
      name: 'Keys',
      description: 'Hands each MLS key package to one requester.',
      contact: 'mailto:op@example.com',
      software: 'https://github.com/keypackage-gateway/keypackage-gateway',
      version: '0.0.0-test',
      supported_nips: [1, 9, 11, 40, 42, 45, 62, 70],
      limitation: {
        max_message_length: 524_288,
        max_subscriptions: 7,
        max_subid_length: 64,
        auth_required: true,
        payment_required: false,
        restricted_writes: true,
      },
      supported_mips: [0],
      key_packages: {
        kinds: [443, 30443],
        per_query: 2,
        max_authors: 500,
        rate_limit: { max: 5, window: 3600 },
        max_stored: 10,
        encodings: ['hex', 'base64'],
        default_encoding: 'hex',
        protected: true,
        auth_required: true,
      },
    })
  })

  it('says what the operator wants to be said', async () => {
    const { pubkey } = person('operator')
    await start({
      pubkey: npubEncode(pubkey),
      icon: 'https://relay.example.com/icon.png',
      banner: 'https://relay.example.com/banner.png',
      termsOfService: 'https://relay.example.com/terms',
    })
    const { body } = await http('GET', '/', { accept: 'application/nostr+json' })
    expect(JSON.parse(body)).toMatchObject({
      pubkey,
      icon: 'https://relay.example.com/icon.png',
      banner: 'https://relay.example.com/banner.png',
      terms_of_service: 'https://relay.example.com/terms',
    })
  })

  it.each([
    { pubkey: 'npub1wrong' },
    { pubkey: '203.0.113.7' },
    { banner: 'ftp://relay.example.com' },
    { termsOfService: 'terms.txt' },
  ])('cannot say %j', (wrong) => {
    expect(serverOptionsSchema.safeParse(wrong).success).toBe(false)
  })

  it('names the project by the URL of its repository', async () => {
    const { repository } = JSON.parse(
      readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8'),
    )
    await start()
    const { body } = await http('GET', '/', { accept: 'application/nostr+json' })
    expect(`git+${JSON.parse(body).software}.git`).toBe(repository.url)
  })

  it('may be requested by web apps of any origin', async () => {
    await start()
    const { status, headers } = await http('OPTIONS', '/', { origin: 'https://example.com' })
    expect(status).toBe(204)
    expect(headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': '*, Authorization',
      'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
    })
  })

  it('is replaced by a sentence for browsers, and there is nothing else', async () => {
    await start()
    expect(await http('GET', '/')).toMatchObject({ status: 200, body: expect.stringContaining('WebSocket') })
    expect(await http('HEAD', '/')).toMatchObject({ status: 200, body: '' })
    expect(await http('GET', '/admin')).toMatchObject({ status: 404 })
    expect(await http('POST', '/')).toMatchObject({ status: 405 })
  })
})

interface Response {
  readonly status: number | undefined
  readonly headers: object
  readonly body: string
}

function http(method: string, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return new Promise((resolve, reject) => {
    const sent = request(
      new URL(path, relay.url.replace('ws', 'http')),
      { method, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        )
      },
    )
    sent.on('error', reject).end()
  })
}
