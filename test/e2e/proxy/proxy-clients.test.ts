/** nostr-tools' SimplePool on the proxy when the upstream relay is restarted. */

import { afterEach, describe, expect, it } from '@jest/globals'
import { SimplePool } from 'nostr-tools/pool'
import { noteOf } from '../../clients/libraries/people.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestProxy } from '../../support/proxy.ts'
import { startRelay } from '../../support/relay.ts'
import { bob } from '../behaviour/scene.ts'

describe("nostr-tools' SimplePool", () => {
  const pool = new SimplePool({ enableReconnect: true })
  afterEach(() => pool.destroy())

  it('reconnects when the relay is back, and keeps its subscription', async () => {
    const relay = await startRelay()
    const target = await startTestProxy({ relay })
    const seen: string[] = []
    await new Promise<void>((resolve) => {
      const onevent = ({ content }: { content: string }) => seen.push(content)
      pool.subscribeMany([target.url], { kinds: [1] }, { onevent, oneose: resolve })
    })
    await relay.stop()
    const again = await startRelay({ port: relay.port })
    await eventually(
      'the pool asks again',
      () => again.received.some((frame) => frame.startsWith('["REQ"')),
      20_000,
    )
    await Promise.all(pool.publish([target.url], noteOf(bob, 'live again')))
    await eventually('the note is heard', () => seen.includes('live again'))
    expect(seen).toEqual(['live again'])
    pool.destroy()
    await again.stop()
    await target.stop()
  })
})
