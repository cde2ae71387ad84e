/**
 * The real strfry with the plugin, and `serve` in front of it on the same store, as a target of the behaviour suite.
 */

import { once } from 'node:events'
import { createServer } from 'node:net'
import type { ProxyOptions } from '../../../adapters/relays/server/server-options.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import { newStoreUrl } from '../../../plugin/publish/home.ts'
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
  const reserved = await reservePort()
  const listen = `127.0.0.1:${reserved.port}`
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
  await reserved.release()
  const serve = await startServe(path, { ...options, listen, publicUrl, upstream: strfry.url, proxy })
  return {
    ...serve,
    strfry,
    storeUrl: newStoreUrl(publicUrl),
    stop: async () => {
      await serve.stop()
      await strfry.stop()
    },
  }
}

/** A free port that is listened on until it is released: strfry has to know it, and takes seconds to start. */
async function reservePort() {
  const port = await freePort()
  const server = createServer().listen(port, '127.0.0.1').unref()
  await once(server, 'listening')
  return {
    port,
    release: async () => {
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}
