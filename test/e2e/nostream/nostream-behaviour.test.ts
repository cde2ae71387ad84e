/**
 * The behaviour suite and real client libraries on the real nostream with the register hook. It needs
 * NOSTREAM_DIR, as nostream.test.ts does.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from '@jest/globals'
import type { OptionsInput } from '../../../plugin/options.ts'
import { describeLibraries } from '../../clients/libraries.ts'
import { scratch } from '../../support/scratch.ts'
import type { Target } from '../behaviour/scene.ts'
import { describeKeyPackageRelay } from '../behaviour.ts'
import { nostreamDifferences } from './nostream-differences.ts'
import { hasNostream, NostreamBackend, NostreamRelay } from './nostream-relay.ts'

const describeNostream = hasNostream ? describe : describe.skip

let backend: NostreamBackend

async function startNostream(options: OptionsInput): Promise<Target> {
  await backend.clear()
  const path = scratch()
  const file = join(path, 'gateway.yaml')
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(options))
  const relay = await NostreamRelay.start(backend, { register: true, env: { KPG_CONFIG: file } })
  return {
    url: relay.url,
    now: () => Math.floor(Date.now() / 1000),
    stop: () => relay.stop(),
  }
}

describeNostream('the real nostream', () => {
  beforeAll(async () => {
    backend = await NostreamBackend.start()
  })
  afterAll(() => backend.stop())

  describeKeyPackageRelay('with the register hook', startNostream, nostreamDifferences)
  describeLibraries('the real nostream', startNostream)
})
