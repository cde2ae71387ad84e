/** An author, Alice, whose stock is low at a test gateway, and the requests she gets. */

import { setImmediate } from 'node:timers/promises'
import { keyPackagesBy, type TestClient, type TestGateway } from './gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from './key-packages.ts'
import { person } from './people.ts'

export const alice = person('alice')

/** The request for more packages. */
export const request = ['REQ', 'keypackages:low', { kinds: [443], authors: [alice.pubkey] }]

export function requestsTo({ pushed }: Pick<TestClient, 'pushed'>): unknown[] {
  return pushed.filter(([verb]) => verb === 'REQ')
}

/** A claim by a new requester, so that no quota applies. */
export async function claimFrom(test: TestGateway): Promise<void> {
  await test.connect().ask('REQ', 'sub', keyPackagesBy(alice))
}

export async function connectedAuthor(test: TestGateway): Promise<TestClient> {
  const client = test.connect()
  await client.authenticate(alice)
  return client
}

export async function publishExpiring(test: TestGateway, count: number, expiresAt: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const tags = { expiration: [`${expiresAt}`] }
    await test.gateway.publish(keyPackageEvent(alice, await makeKeyPackage(alice), { tags }))
  }
}

export async function publishRelayList(test: TestGateway): Promise<void> {
  const tags = [['relay', 'wss://relay.example.com']]
  const list = signEvent(alice.secretKey, { kind: 10051, created_at: NOW, tags, content: '' })
  await test.connect().say('EVENT', list)
}

/** Lets all pending work of this process go on. */
export const turns = () => setImmediate()
