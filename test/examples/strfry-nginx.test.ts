/**
 * examples/strfry/nginx.conf in a real nginx: TLS in front of the proxy, and the client's address passed to the relay.
 */

import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { startServe } from '../e2e/serve-process.ts'
import { strfryProgram } from '../e2e/strfry/strfry-relay.ts'
import { startStrfry } from '../e2e/strfry/strfry-target.ts'
import { Client } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { authEvent } from '../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage } from '../support/key-packages.ts'
import { checkSites, Nginx, nginxProgram } from '../support/nginx.ts'
import { person } from '../support/people.ts'
import { freePort } from '../support/redis.ts'
import { startRelay } from '../support/relay.ts'
import { scratch } from '../support/scratch.ts'
import { TEST_CERTIFICATE, TEST_KEY } from '../support/tls.ts'

const site = readFileSync(new URL('../../examples/strfry/nginx.conf', import.meta.url), 'utf8')
const HOST = 'relay.example.com'
const alice = person('alice')

const endings: (() => unknown)[] = []
let directory: string
beforeEach(() => {
  directory = scratch()
  writeFileSync(join(directory, 'fullchain.pem'), TEST_CERTIFICATE)
  writeFileSync(join(directory, 'privkey.pem'), TEST_KEY)
})
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

/** Stopped after the test. */
function start<Started>(started: Started, end: (started: Started) => unknown): Started {
  endings.push(() => end(started))
  return started
}

/** The example with a test certificate, on free ports. */
async function siteFor(proxyUrl: string) {
  const [plain, secure] = [await freePort(), await freePort()]
  const text = site
    .replaceAll(`/etc/letsencrypt/live/${HOST}`, directory)
    .replaceAll(/listen \[::\].*/g, '')
    .replace('listen 80;', `listen 127.0.0.1:${plain};`)
    .replace('listen 443 ssl;', `listen 127.0.0.1:${secure} ssl;`)
    .replace('http://127.0.0.1:7447', proxyUrl.replace('ws', 'http'))
  return { text, plain, secure }
}

/** The relay's NIP-11 document, over TLS. */
async function informationAt(port: number): Promise<unknown> {
  const headers = { host: HOST, accept: 'application/nostr+json' }
  const sent = request({ host: '127.0.0.1', port, servername: '', headers, ca: TEST_CERTIFICATE }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return json(answer)
}

const describeNginx = nginxProgram === undefined ? describe.skip : describe

describeNginx('nginx.conf', () => {
  it('is accepted by nginx', async () => {
    const { text } = await siteFor('ws://127.0.0.1:7447')
    await checkSites(directory, text)
    await expect(checkSites(directory, 'server { listen here; }')).rejects.toThrow()
  })

  it("passes the client's address to gateway and relay, whatever headers the client sends", async () => {
    const relay = start(await startRelay(), ({ stop }) => stop())
    const serve = start(
      await startServe(directory, {
        publicUrl: `wss://${HOST}`,
        upstream: relay.url,
        proxy: { trust: ['127.0.0.1'] },
      }),
      ({ stop }) => stop(),
    )
    const { client, secure, plain } = await connectThroughNginx(serve.url)
    expect(relay.handshakes.at(-1)?.headers).toMatchObject({
      host: HOST,
      'x-forwarded-for': '127.0.0.2',
      'x-real-ip': '127.0.0.2',
    })
    const challenge = await client.challenge()
    const proof = authEvent(alice, { challenge, relay: `wss://${HOST}`, createdAt: serve.now() })
    expect(await client.ask('AUTH', proof)).toEqual(['OK', proof.id, true, ''])
    expect(serve.log.filter(({ msg }) => msg.includes('X-Forwarded-For'))).toEqual([])

    expect(await informationAt(secure)).toMatchObject({
      name: 'a relay',
      key_packages: { kinds: [443, 30443] },
    })
    const redirected = await fetch(`http://127.0.0.1:${plain}/path`, { redirect: 'manual' })
    expect([redirected.status, redirected.headers.get('location')]).toEqual([301, 'https://127.0.0.1/path'])
  })
})

const describeAll = strfryProgram === undefined ? describe.skip : describeNginx

describeAll('nginx, proxy, strfry and plugin', () => {
  it('accept a key package and hand it out, and strfry logs the client', async () => {
    const target = start(
      await startStrfry({ publicUrl: `wss://${HOST}` }, { publish: 'upstream', trust: ['127.0.0.1'] }),
      ({ stop }) => stop(),
    )
    const { client } = await connectThroughNginx(target.url)
    await eventually('strfry has logged it', () => target.strfry.log.includes('Connect from 127.0.0.2'))
    expect(target.strfry.log).not.toContain('203.0.113.9')
    const now = target.now()
    const event = keyPackageEvent(alice, await makeKeyPackage(alice, { now }), { createdAt: now })
    expect(await client.ask('EVENT', event)).toEqual(['OK', event.id, true, ''])
    client.send(['REQ', 'claim', { kinds: [443], authors: [alice.pubkey] }])
    const [claimed] = await client.until('EOSE')
    expect(claimed).toMatchObject(['EVENT', 'claim', { id: event.id }])
  })
})

/** A client at 127.0.0.2 that sends forged address headers. */
async function connectThroughNginx(proxyUrl: string) {
  const { text, plain, secure } = await siteFor(proxyUrl)
  start(new Nginx(directory, text), (nginx) => nginx.stop())
  const options = {
    ca: TEST_CERTIFICATE,
    localAddress: '127.0.0.2',
    headers: { host: HOST, 'x-forwarded-for': '203.0.113.9', 'x-real-ip': '203.0.113.9' },
  }
  const url = `wss://127.0.0.1:${secure}`
  const client = await eventually('nginx serves', () => Client.greeted(url, options))
  return { client: start(client, () => client.close()), plain, secure }
}
