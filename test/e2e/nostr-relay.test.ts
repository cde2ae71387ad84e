/** The behaviour suite on `@nostr-relay/core` with the gateway as a plugin, as in examples/nostr-relay. */

import { startRelay } from '../../examples/nostr-relay/relay.js'
import { describeLibraries } from '../clients/libraries.ts'
import type { Differences } from './behaviour/rows.ts'
import { describeControlledRelay, describeKeyPackageRelay } from './behaviour.ts'
import { exampleTarget } from './example-target.ts'

const differences: Differences = {
  'COUNT: mixed: the rest is forwarded without the key package kind (I4)': 'the relay has no COUNT (NIP-45)',
}

const startTarget = exampleTarget(startRelay)

describeKeyPackageRelay('@nostr-relay/core', startTarget, differences)
describeControlledRelay('@nostr-relay/core', startTarget)
describeLibraries('@nostr-relay/core', startTarget)
