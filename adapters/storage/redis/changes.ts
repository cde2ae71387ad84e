/** Changes one author's stock by a script, and tells this process's listeners what left it otherwise than by a claim. */

import { Listeners } from '../../../plugin/listeners.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { RemovedListener } from '../../../plugin/store.ts'
import type { Keys } from './keys.ts'
import { decodeChange } from './replies.ts'
import type { Argument, Scripts } from './scripts.ts'

type ChangingScript = 'put' | 'drop' | 'release' | 'spend' | 'sweep'

export class Changes {
  readonly removed = new Listeners<Parameters<RemovedListener>>()
  readonly #keys: Keys
  readonly #scripts: Scripts

  constructor(keys: Keys, scripts: Scripts) {
    this.#keys = keys
    this.#scripts = scripts
  }

  /** Resolves to the script's outcome. @throws StoreError */
  async make(
    name: ChangingScript,
    author: Pubkey,
    args: readonly Argument[],
    moreKeys: readonly string[] = [],
  ): Promise<string> {
    const reply = await this.#scripts.run(name, [...this.#keys.stock(author), ...moreKeys], args)
    const { outcome, removed } = decodeChange(author, reply as string)
    this.tell(removed)
    return outcome
  }

  tell(...[removed]: Parameters<RemovedListener>): void {
    if (removed.length > 0) this.removed.tell(removed)
  }
}
