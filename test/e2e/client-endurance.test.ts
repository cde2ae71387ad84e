/** The client with hostile relays and contacts, users who decline, and bad connections: it does bounded work (I9). */

import { describe, expect, it, jest } from '@jest/globals'
import { PlainKeySigner } from 'nostr-tools/signer'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { byOutcome, ClientScene } from '../support/client-scene.ts'
import { eventually } from '../support/eventually.ts'
import { signEvent } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import { startRelay } from '../support/relay.ts'
import { isForKeyPackages, type Script, ScriptedRelay } from '../support/scripted-relay.ts'

const scene = new ClientScene(memoryStore)
const alice = person('alice').pubkey

async function scripted(script: Script): Promise<ScriptedRelay> {
  const relay = await ScriptedRelay.open(script)
  scene.finally(() => relay.close())
  return relay
}

describe('a hostile relay', () => {
  it('that asks for more and withdraws it again and again does not shorten the pause after a failed callback', async () => {
    const low = ['REQ', 'keypackages:low', { kinds: [443], authors: [alice] }]
    const toggles = Array.from({ length: 50 }, () => [low, ['CLOSED', 'keypackages:low', '']]).flat()
    let asked = 0
    const relay = await scripted(([verb, id], socket) => {
      if (verb !== 'REQ') return []
      // One at a time, so that the client reads each before the next.
      const next = () => {
        const toggle = toggles.shift()
        if (toggle !== undefined) socket.send(JSON.stringify(toggle), () => setImmediate(next))
      }
      next()
      return [['EOSE', id]]
    })
    const { client } = scene.connect('alice', relay)
    client.onLowStock(() => {
      asked++
      throw new Error('not now')
    })
    await eventually('the relay has sent everything', () => toggles.length === 0)
    expect(asked).toBe(1)
  })

  it('that closes every connection is connected to at growing intervals', async () => {
    const relay = await scripted((_message, socket) => {
      socket.close()
      return []
    })
    scene.connect('alice', relay).client.onLowStock(() => {})
    for (const wait of [750, 1500, 3000]) {
      await eventually(`the client waits ${wait} ms`, () => scene.time.pending.includes(wait))
      expect(scene.time.pending).toEqual([wait])
      scene.advance(wait / 1000)
    }
  })
})

describe('a connection that is lost', () => {
  it('leaves no timer that would keep the process alive', async () => {
    const relay = await scripted((_message, socket) => {
      socket.close()
      return []
    })
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const before = timers()
    const { client } = scene.connect('bob', relay, { attempts: 1 })
    const losses = 20
    for (let turn = 0; turn < losses; turn++) await client.queryKeyPackages([alice])
    expect(relay.connections).toBe(losses)
    expect(timers() - before).toBeLessThan(losses / 2)
  })
})

describe('a hostile contact', () => {
  it('who lists a thousand relays makes the client use ten, without duplicates or invalid addresses', async () => {
    const relay = await startRelay()
    scene.finally(() => relay.stop())
    const { secretKey } = person('mallory')
    const names = ['wss:foo', 'wss://here.example', 'wss://HERE.example/', 'wss://here.example:443']
    const many = Array.from({ length: 1000 }, (_, index) => `wss://${index}.example`)
    const tags = [...names, ...many].map((url) => ['relay', url])
    relay.keep(signEvent(secretKey, { kind: 10051, created_at: 1, tags, content: '' }))
    const { relays } = await scene.connect('bob', relay).client.discover(person('mallory').pubkey)
    expect(relays).toHaveLength(10)
    expect(relays.slice(0, 2)).toEqual(['wss://here.example/', 'wss://0.example/'])
  })

  it('who is not a pubkey is refused', async () => {
    const relay = await scripted(([, id]) => [['EOSE', id]])
    await expect(scene.connect('bob', relay).client.discover('npub1')).rejects.toThrow('64 lower-case hex')
  })
})

describe('a bad connection, or a user who declines', () => {
  it('a signer that declined is asked again the next time the relay requires authentication', async () => {
    const server = await scene.serve({ requester: 'auth' })
    const author = scene.connect('alice', server)
    await author.publish(2)
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {})
    const signer = new PlainKeySigner(person('bob').secretKey)
    let isWilling = false
    const bob = scene.connect('bob', server, {
      attempts: 1,
      signer: {
        getPublicKey: () => signer.getPublicKey(),
        signEvent: async (template) => {
          if (!isWilling) throw new Error('the user said no')
          return signer.signEvent(template)
        },
      },
    })
    expect(byOutcome(await bob.client.queryKeyPackages([author.pubkey])).refused).toHaveLength(1)
    isWilling = true
    expect(await bob.claim(author)).toHaveLength(1)
    warn.mockRestore()
  })

  it('a closed client ends its pauses', async () => {
    const { client } = scene.connect('bob', { url: 'ws://127.0.0.1:1' })
    const asking = client.queryWithRetry([alice], { rounds: 5 })
    await eventually('the client waits', () => scene.time.pending.length > 0)
    client.close()
    expect(byOutcome(await asking).unanswered).toHaveLength(1)
    expect(scene.time.pending).toEqual([])
  })

  it('two queries at a time for one author get two packages at a relay without a gateway', async () => {
    const [first, second] = [
      await startRelay(),
      await scripted(([, id, filter]) => (isForKeyPackages(filter) ? [] : [['EOSE', id]])),
    ]
    scene.finally(() => first.stop())
    const author = scene.connect('alice', first)
    await author.publish(3)
    // The second relay does not answer, so the first query is still under way when the second one ends.
    const bob = scene.connect('bob', first, { relays: [first.url, second.url], attempts: 1 })
    const one = bob.client.queryKeyPackages([author.pubkey, person('nobody').pubkey])
    await eventually('the second relay has the REQ', () => second.claims.length === 1)
    const two = await bob.claim(author)
    scene.advance(10)
    const [received] = byOutcome(await one).packages.get(author.pubkey) ?? []
    expect(two).not.toEqual([received?.ref])
  })
})
