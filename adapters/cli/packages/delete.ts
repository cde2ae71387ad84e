/** `delete`: key packages of an author leave the store for good, after a question on a terminal. */

import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import { type Command, InvalidArgumentError } from 'commander'
import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { OwnPackage } from '../../../plugin/lifecycle/own-stock.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { openExistingStore, STORE_SETTINGS, withAuditedStore } from '../open-store.ts'
import { print } from '../output.ts'
import { addSettings, readSettings } from '../settings.ts'
import { AUTHOR, gatewayOn, parseAuthor } from './author-argument.ts'
import { packageTable } from './list.ts'

interface Flags {
  readonly yes?: true
  readonly json?: true
}

/** What the operator has to do differently. */
class UsageError extends Error {
  readonly code = 'KPG_USAGE'
}

/** The call was right, and there is nothing to do it with. */
class NothingToDelete extends Error {
  readonly code = 'KPG_NOTHING'
}

const MIN_PREFIX = 4
const ID_LENGTH = 64

export function defineDelete(command: Command): Command {
  command
    .argument('<author>', AUTHOR, parseAuthor)
    .argument(
      '[id]',
      'the id of one event, or its beginning as `list` prints it; without it, all key packages of the author are deleted',
      parseId,
    )
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object')
  addSettings(command, [...STORE_SETTINGS, 'stock.ttlSeconds', 'audit'])
  return command.action(async (author: Pubkey, id: string | undefined, flags: Flags) => {
    const settings = readSettings(command, process.env)
    await withAuditedStore(settings, openExistingStore, async (store) => {
      const gateway = gatewayOn(store, settings)
      try {
        await deleteFrom(gateway, author, id, flags)
      } finally {
        gateway.close()
      }
    })
  })
}

/** @throws UsageError, NothingToDelete; StoreError */
async function deleteFrom(
  gateway: KeyPackageGateway,
  author: Pubkey,
  id: string | undefined,
  { yes, json }: Flags,
): Promise<void> {
  const stored = await gateway.ownPackages(author)
  const chosen = id === undefined ? stored : chosenBy(id, stored)
  if (yes !== true && !(await isConfirmed(chosen, id === undefined))) return print('nothing was deleted')
  const ids = id?.length === ID_LENGTH ? [id] : chosen.map((pkg) => pkg.id)
  const removal = await gateway.remove(author, id === undefined ? 'everything' : ids)
  if (removal.outcome === 'refused') throw new NothingToDelete(removal.message)
  if (json) return print(JSON.stringify({ author, deleted: removal.count }))
  const which = removal.count === 1 ? 'it' : 'they'
  print(`deleted: ${counted(removal.count)}; ${which} cannot be published again`)
}

/**
 * One package, or none where the whole id of one that is not stored is given: it is refused when it arrives (I3).
 * @throws UsageError, NothingToDelete
 */
function chosenBy(id: string, stored: readonly OwnPackage[]): readonly OwnPackage[] {
  const chosen = stored.filter((pkg) => pkg.id.startsWith(id))
  if (chosen.length > 1)
    throw new UsageError(`${chosen.length} key packages of this author begin with ${id}; give more of the id`)
  if (chosen.length === 0 && id.length < ID_LENGTH)
    throw new NothingToDelete(`no key package of this author begins with ${id}; see \`list\``)
  return chosen
}

/** @throws UsageError where there is nobody to ask */
async function isConfirmed(chosen: readonly OwnPackage[], isAll: boolean): Promise<boolean> {
  if (!(process.stdin.isTTY && process.stderr.isTTY))
    throw new UsageError('delete asks before it deletes, and there is no terminal to ask on: add --yes')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    if (chosen.length > 0) process.stderr.write(`${packageTable(chosen)}\n`)
    const what = isAll ? `all ${counted(chosen.length)} of this author` : counted(chosen.length)
    const closed = once(terminal, 'close').then(() => '')
    // Ctrl-C and Ctrl-D are no.
    const asked = terminal.question(`Delete ${what}, for good? [y/N] `).catch(() => '')
    const answer = await Promise.race([asked, closed])
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    terminal.close()
  }
}

function counted(count: number): string {
  return count === 1 ? '1 key package' : `${count} key packages`
}

function parseId(text: string): string {
  const id = text.toLowerCase()
  if (/^[0-9a-f]+$/.test(id) && id.length >= MIN_PREFIX && id.length <= ID_LENGTH) return id
  throw new InvalidArgumentError(`It must be hex, with ${MIN_PREFIX} to ${ID_LENGTH} characters.`)
}
