/**
 * What nostream loads with `NODE_OPTIONS="--require keypackage-gateway/nostream/register"`: the gateway goes into its
 * message handler factory as that is loaded, in every process of nostream; any other process is left alone.
 */

import cluster from 'node:cluster'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { Hook } from 'require-in-the-middle'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import { type MessageHandlerFactory, withKeyPackageGateway } from '../relays/nostream/index.ts'
import { checkAdapter, checkEventHandler, type NostreamAdapter } from '../relays/nostream/members.ts'
import { createJsonLogger } from './logger.ts'
import { openNostreamGateway, readNostreamSettings } from './nostream.ts'
import { withoutPasswords } from './settings.ts'
import { readVersion } from './version.ts'
import { warningsAbout } from './warnings.ts'

type MakeFactory = (...repositories: readonly unknown[]) => MessageHandlerFactory<unknown, NostreamAdapter>

const program = mainFile()
const source = program && join(dirname(program), 'factories', `message-handler-factory${extname(program)}`)
if (source !== undefined && existsSync(source)) new Hook([source], (exports) => install(source, exports))

/** The file that this process runs; undefined where it runs none. */
function mainFile(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(process.argv[1] ?? '')
  } catch {
    return undefined
  }
}

/** @throws Error naming what is missing in nostream, or wrong in the settings: nostream does not start then */
function install<Exports>(source: string, exports: Exports): Exports {
  const nostream = createRequire(source)
  const { EventMessageHandler } = nostream('../handlers/event-message-handler')
  checkEventHandler(new EventMessageHandler())
  checkAdapter(nostream('../adapters/web-socket-adapter').WebSocketAdapter.prototype)

  const { info } = nostream('./settings-factory').createSettings()
  const settings = readNostreamSettings(process.env, info.relay_url)
  const log = createJsonLogger(settings.log.level)
  if (cluster.isPrimary) announce()

  const { messageHandlerFactory } = exports as { messageHandlerFactory: MakeFactory }
  let gateway: KeyPackageGateway | undefined
  const makeFactory: MakeFactory = (...repositories) => {
    gateway ??= openNostreamGateway(settings, log)
    return withKeyPackageGateway(messageHandlerFactory(...repositories), gateway)
  }
  return { ...exports, messageHandlerFactory: makeFactory }

  function announce(): void {
    const { profile, store } = settings
    log.info({ version: readVersion(), profile, store: withoutPasswords(store) }, 'nostream has key packages')
    for (const warning of warningsAbout(settings, { durable: true })) log.warn(warning)
  }
}
