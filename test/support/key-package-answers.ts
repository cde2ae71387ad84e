/** How the checks answer key package events, without a gateway. */

import { checkKeyPackage, type RulesHere } from '../../plugin/key-package/validate.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { Refusal } from '../../plugin/nostr/refusal.ts'
import { type OptionsInput, resolveOptions } from '../../plugin/options.ts'
import {
  type KeyPackageEventSettings,
  type KeyPackageSettings,
  keyPackageEvent,
  makeKeyPackage,
  NOW,
} from './key-packages.ts'
import { person } from './people.ts'
import { verifyEvent } from './signing.ts'

export const alice = person('alice')
export const bob = person('bob')

/** A valid key package of Alice, in ciphersuite 1. */
export const keyPackage = await makeKeyPackage(alice)

export function rules(options: OptionsInput = {}, authenticatedAs: readonly string[] = []): RulesHere {
  return {
    ...resolveOptions(options),
    authenticatedAs: new Set(authenticatedAs),
    verifyEvent,
  }
}

/** The rules that check tags strictly. */
export const strict = rules({ validation: { tags: 'strict' } })

/** `accepted`, or the answer to the publisher. */
export function answer(event: SignedEvent, by: RulesHere = rules(), now = NOW): string {
  try {
    checkKeyPackage(event, by, now)
    return 'accepted'
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}

/** The answer when Alice publishes the valid package in an event with these settings. */
export function publish(settings: KeyPackageEventSettings, by = rules()): string {
  return answer(keyPackageEvent(alice, keyPackage, settings), by)
}

/** The same with only these tags changed. */
export function tagged(tags: NonNullable<KeyPackageEventSettings['tags']>, by = rules()): string {
  return publish({ tags }, by)
}

/** The answer when Alice publishes a package with these settings. */
export async function publishPackage(
  made: KeyPackageSettings,
  by = rules(),
  settings: KeyPackageEventSettings = {},
): Promise<string> {
  return answer(keyPackageEvent(alice, await makeKeyPackage(alice, made), settings), by)
}
