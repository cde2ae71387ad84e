/** Which open subscriptions a new relay list is sent to. */

import { describe, expect, it } from '@jest/globals'
import { readFilters } from '../../../../adapters/relays/standalone/list-filters.ts'
import { ListSubscriptions, ListWatchers } from '../../../../adapters/relays/standalone/list-subscriptions.ts'
import { authorNamed, NOW, relayListOf } from '../../../contract/index.ts'

const [alice, bob] = [authorNamed('alice'), authorNamed('bob')]
const list = relayListOf(alice, NOW)

function openClient(watchers = new ListWatchers()) {
  const sent: string[] = []
  const subscriptions = new ListSubscriptions(watchers, (id) => sent.push(id))
  const open = (id: string, ...filters: object[]) => subscriptions.open(id, readFilters(filters))
  return { watchers, sent, subscriptions, open }
}

describe('a new relay list', () => {
  it('is sent once to each subscription with a filter that matches it', () => {
    const { watchers, sent, open } = openClient()
    open('kinds', { kinds: [10002, 10051], authors: [alice, bob] }, { authors: [alice] })
    open('tags', { authors: [alice], '#relay': [] }, { authors: [bob] })
    open('later', { kinds: [10051], authors: [alice], since: NOW + 1 })
    open('other kinds', { kinds: [0, 10002], authors: [alice] })
    open('no authors', { kinds: [10051] })
    open('nothing', { kinds: [1], authors: [alice] })
    watchers.tell(list)
    expect(sent).toEqual(['kinds'])
  })

  it('is sent to none that was closed or replaced, or whose client has gone', () => {
    const watchers = new ListWatchers()
    const [staying, leaving] = [openClient(watchers), openClient(watchers)]
    for (const id of ['closed', 'replaced', 'open']) staying.open(id, { authors: [alice] })
    staying.subscriptions.close('closed')
    staying.open('replaced', { authors: [bob] })
    leaving.open('open', { authors: [alice] })
    leaving.subscriptions.closeAll()
    leaving.open('a message that was still handled', { authors: [alice] })
    watchers.tell(list)
    expect([staying.sent, leaving.sent]).toEqual([['open'], []])
  })
})
