/** The inspector of a server, which a soak has collect before it weighs the heap. */

import { expect, it } from '@jest/globals'
import { serveCli } from '../../../support/cli.ts'
import { garbageOf, INSPECTABLE } from './garbage.ts'

it('has a server collect as often as it is asked to, and the server ends once it is left alone', async () => {
  const env = { NODE_OPTIONS: INSPECTABLE }
  const server = await serveCli(['--store', 'memory:'], { env })
  const garbage = await garbageOf(server)
  await garbage.collect()
  await garbage.collect()
  garbage.leave()
  server.kill('SIGTERM')
  expect(await server.finished).toMatchObject({ code: 0 })
})
