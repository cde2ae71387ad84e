/** Whom authors follow, in an LMDB store. Most calls are about authors without packages, and write nothing. */

import type {
  Following,
  FollowList,
  FollowListDeletion,
  FollowListOutcome,
} from '../../../plugin/lifecycle/follow-list.ts'
import {
  deleteFollowLists,
  followingIn,
  judgeFollowList,
  type KnownFollowLists,
  offerFollowList,
} from '../../../plugin/lifecycle/known-follow-lists.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import { type Environment, FOLLOWED } from './environment.ts'
import { hourOf } from './keys.ts'
import type { Transaction, Write } from './transaction.ts'

export async function putFollowList(
  environment: Environment,
  write: Write,
  list: FollowList,
): Promise<FollowListOutcome> {
  const { author } = list
  const judged = judgeFollowList(
    environment.followLists.get([author, FOLLOWED]),
    list,
    environment.authors.get(author),
  )
  if (judged !== 'stored') return judged
  return write((transaction) => {
    const { followLists, authors } = transaction.tables
    const { known, outcome } = offerFollowList(followLists.get([author, FOLLOWED]), list, authors.get(author))
    if (outcome === 'stored') save(transaction, author, known)
    return outcome
  })
}

export function follows({ followLists }: Environment, author: Pubkey, pubkeys: readonly Pubkey[]): Following {
  return followingIn(followLists.get([author, FOLLOWED]), pubkeys)
}

export async function dropFollowLists(
  environment: Environment,
  write: Write,
  author: Pubkey,
  deletion: FollowListDeletion,
): Promise<void> {
  const change = ({ authors, followLists }: Environment) => {
    const before = followLists.get([author, FOLLOWED])
    return { before, after: deleteFollowLists(before, deletion, authors.get(author)) }
  }
  const { before, after } = change(environment)
  if (before === after) return
  await write((transaction) => save(transaction, author, change(transaction.tables).after))
}

/** Has the next sweep visit an author without packages, so that it forgets whom they follow. */
export function markFollowing(
  { tables: { followLists, due } }: Transaction,
  author: Pubkey,
  stock: Stock | undefined,
  now: number,
): void {
  if (stock !== undefined && stock.packages.length > 0) return
  if (followLists.doesExist([author, FOLLOWED])) due.put([hourOf(now), author, ''], '')
}

function save(
  { tables: { followLists } }: Transaction,
  author: Pubkey,
  known: KnownFollowLists | undefined,
): void {
  if (known === undefined) followLists.remove([author, FOLLOWED])
  else followLists.put([author, FOLLOWED], known)
}
