/** The inspector of a server, which a soak has collect before it weighs the heap. */

import { expect, it } from '@jest/globals'
import { serveCli } from '../../../support/cli.ts'
import { garbageOf, INSPECTABLE } from './garbage.ts'

it('has a server collect as often as it is asked to, and does not keep it from ending', async () => {
  const env = { NODE_OPTIONS: INSPECTABLE }
  const server = await serveCli(['--store', 'memory:'], { env })
  const collect = await garbageOf(server)
  await collect()
  await collect()
  server.kill('SIGTERM')
  expect(await server.finished).toMatchObject({ code: 0 })
})
