/** What operators have changed of what the relay says about itself. */

import { authorNamed, LIMITS, NOW, packageNamed } from './packages.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

export function describeInformation(it: Specify): void {
  it('has changed nothing of what the relay says about itself at first', async (store) => {
    same(await store.information(), {})
    await store.keepUrl('wss://keys.example/')
    same(await store.information(), {})
  })

  it('keeps the last value of each field of what the relay says about itself', async (store) => {
    await store.putInformation('name', 'Keys')
    await store.putInformation('description', 'For Alice, and "Bob"\n\n\u{1f511}')
    same(await store.information(), { name: 'Keys', description: 'For Alice, and "Bob"\n\n\u{1f511}' })
    await store.putInformation('name', 'Locks')
    await store.putInformation('icon', 'https://keys.example/icon.png')
    await store.putInformation('description', '')
    same(await store.information(), {
      name: 'Locks',
      description: '',
      icon: 'https://keys.example/icon.png',
    })
  })

  it('keeps it apart from its URL, access rules and packages', async (store) => {
    await store.putInformation('name', 'Keys')
    await store.changeUrl('wss://keys.example/')
    await store.putAccessRule({ list: 'ban', subject: authorNamed('bob'), at: NOW })
    await store.put(packageNamed('one', authorNamed('alice')), LIMITS, NOW)
    await store.sweep(NOW, 600)
    same(await store.information(), { name: 'Keys' })
    same(await store.keepUrl('wss://other.example/'), 'wss://keys.example/')
    same((await store.accessRules()).length, 1)
    same(await store.stats(), { authors: 1, packages: 1 })
  })
}
