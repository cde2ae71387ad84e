/** The behaviour suite and real client libraries on a model of nostream with the gateway in it. */

import { describeLibraries } from '../../clients/libraries.ts'
import { startNostreamTarget } from '../../support/nostream-target.ts'
import { describeControlledRelay, describeKeyPackageRelay, type StartTarget } from '../behaviour.ts'
import { nostreamDifferences, nostreamDifferencesOverTime } from './nostream-differences.ts'

const startByMachineTime: StartTarget = async (options) => {
  const target = await startNostreamTarget(options)
  target.advance(Math.floor(Date.now() / 1000) - target.now())
  return target
}

const NAME = 'nostream, as a model'

describeKeyPackageRelay(NAME, (options) => startNostreamTarget(options), nostreamDifferences)
describeControlledRelay(NAME, (options) => startNostreamTarget(options), nostreamDifferencesOverTime)
describeLibraries(NAME, startByMachineTime)
