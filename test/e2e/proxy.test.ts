/** The proxy before a real relay: the behaviour suite, and what only a proxy does. */

import type { OptionsInput } from '../../plugin/options.ts'
import { startTestProxy } from '../support/proxy.ts'
import { describeControlledRelay, describeKeyPackageRelay } from './behaviour.ts'

const before = (gateway: OptionsInput) => startTestProxy({ gateway })

describeKeyPackageRelay('serve --upstream', before)
describeControlledRelay('serve --upstream', before)
