/** The behaviour suite on the model of nostream with the gateway in its message handler factory. */

import { startNostreamTarget } from '../support/nostream-target.ts'
import { describeControlledRelay, describeKeyPackageRelay } from './behaviour.ts'
import { nostreamDifferences, nostreamDifferencesOverTime } from './nostream-differences.ts'

describeKeyPackageRelay(
  'nostream, as a model',
  (options) => startNostreamTarget(options),
  nostreamDifferences,
)
describeControlledRelay(
  'nostream, as a model',
  (options) => startNostreamTarget(options),
  nostreamDifferencesOverTime,
)
