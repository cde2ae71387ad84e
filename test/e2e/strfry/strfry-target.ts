/**
 * The real strfry with the plugin, and `serve` in front of it on the same store, as a target of the behaviour suite.
 */

import type { ProxyOptions } from '../../../adapters/relays/server/server-options.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import { freePort } from '../../support/redis.ts'
import { scratch } from '../../support/scratch.ts'
import { pluginCommand } from '../../support/strfry.ts'
import { type ServeProcess, startServe } from '../serve-process.ts'
import { StrfryRelay } from './strfry-relay.ts'

export interface StrfryTarget extends ServeProcess {
  readonly strfry: StrfryRelay
}

/** Both use the machine's clock and one configuration, in a new directory. */
export async function startStrfry(
  options: OptionsInput,
  proxy: Partial<ProxyOptions>,
): Promise<StrfryTarget> {
  const path = scratch()
  const listen = `127.0.0.1:${await freePort()}`
  const { publicUrl = `ws://${listen}` } = options
  const strfry = await StrfryRelay.start(
    path,
    `relay {
      bind = "127.0.0.1"
      port = 7777
      realIpHeader = "x-real-ip"
      auth { serviceUrl = "${publicUrl}" }
      writePolicy { plugin = "${pluginCommand('--config', `${path}/config.yaml`)}" }
    }`,
  )
  const serve = await startServe(path, { ...options, listen, publicUrl, upstream: strfry.url, proxy })
  return {
    ...serve,
    strfry,
    stop: async () => {
      await serve.stop()
      await strfry.stop()
    },
  }
}
