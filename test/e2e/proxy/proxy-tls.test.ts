/** `serve --upstream wss://...`: an upstream relay with TLS and a private CA. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type Serving, serveCli } from '../../support/cli.ts'
import { Client } from '../../support/client.ts'
import { startRelay, type TestRelay } from '../../support/relay.ts'
import { scratch } from '../../support/scratch.ts'
import { TEST_CERTIFICATE, TEST_KEY } from '../../support/tls.ts'
import { alice, bob, eventOf, idsOf, newEvent, packagesOf } from '../behaviour/scene.ts'

let relay: TestRelay
let directory: string
let serving: Serving
beforeEach(async () => {
  directory = scratch()
  relay = await startRelay({ tls: { key: TEST_KEY, cert: TEST_CERTIFICATE } })
})
afterEach(async () => {
  serving.kill('SIGTERM')
  await serving.finished
  await relay.stop()
})

async function serve(env: Record<string, string>): Promise<void> {
  serving = await serveCli(['--store', 'memory:', '--upstream', relay.url], { env })
}

const information = () =>
  fetch(serving.url.replace('ws', 'http'), { headers: { Accept: 'application/nostr+json' } })

describe('a relay behind TLS', () => {
  it('is trusted with a certificate in NODE_EXTRA_CA_CERTS', async () => {
    const certificate = join(directory, 'ca.pem')
    writeFileSync(certificate, TEST_CERTIFICATE)
    await serve({ NODE_EXTRA_CA_CERTS: certificate })
    const target = { url: serving.url, now: () => Math.floor(Date.now() / 1000), stop: async () => {} }
    const client = await Client.connect(serving.url)
    const [event, note] = [await newEvent(target, alice), eventOf(target, bob, 1, [])]
    expect(await client.publish(event)).toEqual([true, ''])
    expect((await client.publish(note))[0]).toBe(true)
    expect((await client.request('notes', { kinds: [1] })).events).toEqual([note])
    expect(idsOf((await client.request('claim', packagesOf(alice))).events)).toEqual([event.id])
    expect(await (await information()).json()).toMatchObject({
      name: 'a relay',
      key_packages: { kinds: [443, 30443] },
    })
    await client.close()
  })

  it('is not trusted with any other: clients get 502, and the log says once why', async () => {
    await serve({ NODE_EXTRA_CA_CERTS: '' })
    for (const _turn of [1, 2]) await expect(Client.connect(serving.url)).rejects.toThrow('502')
    expect((await information()).status).toBe(502)
    const failures = serving.log.filter(({ level }) => level === 50)
    expect(failures).toEqual([
      expect.objectContaining({
        msg: 'the upstream relay cannot be reached',
        err: expect.objectContaining({ message: expect.stringContaining('self-signed certificate') }),
      }),
    ])
  })
})
