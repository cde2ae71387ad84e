/** The suites on examples/custom-relay, a bare WebSocket server that embeds a session for each client. */

import { startRelay } from '../../examples/custom-relay/relay.js'
import { describeKeyPackageRelay } from './behaviour.ts'
import { describeClients } from './clients.ts'
import { exampleTarget } from './example-target.ts'

describeKeyPackageRelay('the custom relay', exampleTarget(startRelay))
describeClients('the custom relay', exampleTarget(startRelay))
