/** examples/custom-relay works as its README says. */

import { describeRelayExample } from './relay-example.ts'

describeRelayExample('custom-relay')
