/** examples/nostr-relay works as its README says. */

import { describeRelayExample } from './relay-example.ts'

describeRelayExample('nostr-relay')
