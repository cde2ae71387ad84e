/** What admins do by NIP-86 on a server without a relay behind. */

import { afterEach, describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import { Client } from '../../../support/client.ts'
import { NOW } from '../../../support/key-packages.ts'
import {
  admin,
  call,
  documentOf,
  type Managed,
  type ManagedSettings,
  resultOf,
  startManaged,
} from '../../../support/management.ts'
import { person } from '../../../support/people.ts'

const alice = person('alice').pubkey
const bob = person('bob').pubkey

let server: Managed

async function start(settings: ManagedSettings = {}): Promise<void> {
  server = await startManaged(settings)
}

afterEach(() => server.stop())

const did = (method: string, ...params: unknown[]) => resultOf(server, method, params)

describe('supportedmethods', () => {
  it('names all others', async () => {
    await start()
    expect(await did('supportedmethods')).toEqual([
      'banpubkey',
      'unbanpubkey',
      'listbannedpubkeys',
      'allowpubkey',
      'unallowpubkey',
      'listallowedpubkeys',
      'blockip',
      'unblockip',
      'listblockedips',
      'changerelayname',
      'changerelaydescription',
      'changerelayicon',
    ])
  })

  it('is announced in the NIP-11 document', async () => {
    await start()
    expect((await documentOf(server)).supported_nips).toEqual(expect.arrayContaining([86, 98]))
  })
})

describe('pubkeys', () => {
  it('are banned with a reason, listed, and no longer banned', async () => {
    await start()
    expect(await did('banpubkey', alice, 'spam')).toBe(true)
    expect(await did('banpubkey', bob.toUpperCase())).toBe(true)
    expect(await did('listbannedpubkeys')).toEqual([{ pubkey: alice, reason: 'spam' }, { pubkey: bob }])
    expect(await did('unbanpubkey', alice, 'a mistake')).toBe(true)
    expect(await did('unbanpubkey', alice)).toBe(true)
    expect(await did('listbannedpubkeys')).toEqual([{ pubkey: bob }])
  })

  it('are allowed, listed, and no longer allowed', async () => {
    await start({ access: { mode: 'allow-listed' } })
    expect(await did('allowpubkey', alice, null)).toBe(true)
    expect(await did('listallowedpubkeys')).toEqual([{ pubkey: alice }])
    expect(await did('unallowpubkey', alice)).toBe(true)
    expect(await did('listallowedpubkeys')).toEqual([])
  })

  it('are on one of the lists alone (NIP-86)', async () => {
    await start()
    await did('banpubkey', alice)
    await did('allowpubkey', alice)
    expect(await did('listbannedpubkeys')).toEqual([])
    expect(await did('listallowedpubkeys')).toEqual([{ pubkey: alice }])
    await did('banpubkey', alice)
    expect(await did('listallowedpubkeys')).toEqual([])
    await did('unbanpubkey', alice)
    expect(await did('listallowedpubkeys')).toEqual([])
  })

  it('that the settings ban stay banned, and the answer says so', async () => {
    await start({ access: { ban: [alice, '192.0.2.0/24'], allow: [bob] } })
    const error = expect.stringMatching(/^still banned by access\.ban in the settings/)
    for (const [method, subject] of [
      ['unbanpubkey', alice],
      ['allowpubkey', alice],
      ['unblockip', '192.0.2.0/24'],
    ] as const) {
      expect(await call(server, method, [subject])).toMatchObject({ status: 400, answer: { error } })
    }
    expect(await call(server, 'unallowpubkey', [bob])).toMatchObject({
      status: 400,
      answer: { error: expect.stringMatching(/^still allowed by access\.allow/) },
    })
    expect(await did('listbannedpubkeys')).toEqual([{ pubkey: alice, reason: 'access.ban in the settings' }])
    expect(await did('listallowedpubkeys')).toEqual([{ pubkey: bob, reason: 'access.allow in the settings' }])
    expect(await did('listblockedips')).toEqual([
      { ip: '192.0.2.0/24', reason: 'access.ban in the settings' },
    ])
  })
})

describe('addresses and networks', () => {
  it('are blocked with a reason, listed, and no longer blocked', async () => {
    await start()
    await did('blockip', '203.0.113.7', 'flood')
    await did('blockip', '2001:DB8::1/32')
    await did('banpubkey', alice)
    expect(await did('listblockedips')).toEqual([
      { ip: '203.0.113.7', reason: 'flood' },
      { ip: '2001:db8::/32' },
    ])
    await did('unblockip', '203.0.113.7')
    expect(await did('listblockedips')).toEqual([{ ip: '2001:db8::/32' }])
    expect(await did('listbannedpubkeys')).toEqual([{ pubkey: alice }])
  })

  it('that are blocked cannot claim, until they are no longer blocked', async () => {
    await start()
    const client = await Client.greeted(server.url)
    await did('blockip', '127.0.0.0/8')
    client.send(['REQ', 's', { kinds: [443], authors: [bob] }])
    expect((await client.until('CLOSED', 's')).at(-1)?.[2]).toBe(
      'blocked: you may not query key packages here',
    )
    await did('unblockip', '127.0.0.0/8')
    client.send(['REQ', 't', { kinds: [443], authors: [bob] }])
    await client.until('EOSE', 't')
    client.close()
  })
})

describe('what the relay says about itself', () => {
  it('is changed at once, in the NIP-11 document', async () => {
    await start()
    expect(await documentOf(server)).toMatchObject({ name: 'keypackage-gateway' })
    await did('changerelayname', 'Keys')
    await did('changerelaydescription', 'For all.\n\nAnd "everybody".')
    await did('changerelayicon', 'https://relay.example.com/icon.png')
    expect(await documentOf(server)).toMatchObject({
      name: 'Keys',
      description: 'For all.\n\nAnd "everybody".',
      icon: 'https://relay.example.com/icon.png',
      software: 'https://github.com/keypackage-gateway/keypackage-gateway',
    })
  })

  it('is as the settings say again once it is empty', async () => {
    await start()
    await did('changerelayname', 'Keys')
    await did('changerelayicon', 'https://relay.example.com/icon.png')
    await did('changerelayname', '')
    await did('changerelayicon', '')
    const { name, icon } = await documentOf(server)
    expect({ name, icon }).toEqual({ name: 'keypackage-gateway', icon: undefined })
  })

  it('is what another server on the same store was told, a second later', async () => {
    const shared = memoryStore()
    await start({ store: shared })
    const other = await startManaged({ store: shared })
    expect(await documentOf(other)).toMatchObject({ name: 'keypackage-gateway' })
    await did('changerelayname', 'Keys')
    other.advance(1)
    expect(await documentOf(other)).toMatchObject({ name: 'Keys' })
    await other.stop()
  })

  it('is still what it was when the store fails', async () => {
    await start()
    await did('changerelayname', 'Keys')
    await server.failStore()
    server.advance(5)
    expect(await documentOf(server)).toMatchObject({ name: 'Keys' })
    expect(await documentOf(server)).toMatchObject({ name: 'Keys' })
    expect(server.errors).toHaveLength(1)
  })
})

describe('every change', () => {
  it('is in the log and the audit log, with the admin who made it', async () => {
    await start()
    await did('banpubkey', alice, 'spam')
    await did('changerelaydescription', 'x'.repeat(1000))
    await did('listbannedpubkeys')
    const by = { admin: admin.pubkey }
    expect(server.log.lines.filter(({ message }) => /by an admin/.test(message))).toEqual([
      {
        level: 'info',
        fields: { ...by, method: 'banpubkey', subject: alice, gateway: 'done' },
        message: 'changed by an admin',
      },
      {
        level: 'info',
        fields: { ...by, method: 'changerelaydescription', subject: 'x'.repeat(200), gateway: 'done' },
        message: 'changed by an admin',
      },
    ])
    expect(server.audited.filter(({ action }) => action === 'administration')).toEqual([
      { at: NOW, action: 'administration', verb: 'banpubkey', outcome: 'done', subject: alice, ...by },
      {
        at: NOW,
        action: 'administration',
        verb: 'changerelaydescription',
        outcome: 'done',
        subject: 'x'.repeat(200),
        ...by,
      },
    ])
  })

  it('that failed is there as well', async () => {
    await start({ access: { ban: [alice] } })
    await call(server, 'unbanpubkey', [alice])
    const outcome = expect.stringMatching(/^still banned/)
    expect(server.audited).toEqual([
      expect.objectContaining({ action: 'administration', verb: 'unbanpubkey', outcome, subject: alice }),
    ])
  })
})
