/**
 * Loaded into nostream by `NODE_OPTIONS="--require keypackage-gateway/nostream/register"`. Wraps nostream's message handler
 * factory when it is loaded, in every process of nostream. In other programs it does nothing.
 */

import '../node/supported.ts'
import cluster from 'node:cluster'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, extname, join } from 'node:path'
import type { Logger } from 'pino'
import { Hook } from 'require-in-the-middle'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import { type MessageHandlerFactory, withKeyPackageGateway } from '../relays/nostream/nostream.ts'
import {
  checkAdapter,
  checkEventHandler,
  type NostreamAdapter,
  requireMembers,
} from '../relays/nostream/required-members.ts'
import { createJsonLogger } from './logging.ts'
import { openNostreamGateway, openNostreamStore, readNostreamSettings } from './nostream.ts'
import { countInNostream } from './nostream-monitoring.ts'
import { withoutPasswords } from './plain-words.ts'
import type { Settings } from './settings-schema.ts'
import { logRemarks } from './startup.ts'
import { readVersion } from './version.ts'

type MakeFactory = (...repositories: readonly unknown[]) => MessageHandlerFactory<unknown, NostreamAdapter>

const program = mainFile()
if (program !== undefined) register(program)

/** The main file of this process; undefined where it has none. */
function mainFile(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(process.argv[1] ?? '')
  } catch {
    return undefined
  }
}

/** @throws Error where nostream's message handler factory is not where it should be */
function register(program: string): void {
  const factory = join(dirname(program), 'factories', `message-handler-factory${extname(program)}`)
  if (existsSync(factory))
    new Hook([factory], (exports) => install(factory, exports as object) as typeof exports)
  else if (isNostream(program))
    throw new Error(`cannot find ${factory}, the part of nostream that the gateway wraps`)
}

function isNostream(program: string): boolean {
  const manifest = join(dirname(program), '../package.json')
  if (basename(program, extname(program)) !== 'index' || !existsSync(manifest)) return false
  return JSON.parse(readFileSync(manifest, 'utf8')).name === 'nostream'
}

/** @throws Error naming what is missing in nostream or wrong in the settings; nostream then does not start */
function install(source: string, exports: object): object {
  const require = createRequire(source)
  const memberOf = (module: string, name: string) => {
    const members = require(module)
    requireMembers(module, members, [name])
    return members[name]
  }
  requireMembers(source, exports, ['messageHandlerFactory'])
  checkEventHandler(new (memberOf('../handlers/event-message-handler', 'EventMessageHandler'))())
  checkAdapter(memberOf('../adapters/web-socket-adapter', 'WebSocketAdapter').prototype)

  const { info } = memberOf('./settings-factory', 'createSettings')()
  const settings = readNostreamSettings(process.env, info.relay_url)
  const log = createJsonLogger(settings.log.level)
  const { messageHandlerFactory } = exports as { messageHandlerFactory: MakeFactory }
  const counts = countInNostream(settings, log, () => openNostreamStore(settings, log))
  let gateway: KeyPackageGateway | undefined
  const open = () => {
    gateway ??= openNostreamGateway(settings, log, counts)
    return gateway
  }
  // Workers handle the messages. There is one primary process, which logs the start for all of them.
  if (cluster.isPrimary) announce(settings, log)
  else open()
  const makeFactory: MakeFactory = (...repositories) =>
    withKeyPackageGateway(messageHandlerFactory(...repositories), open())
  return { ...exports, messageHandlerFactory: makeFactory }
}

function announce(settings: Settings, log: Logger): void {
  const { profile, store } = settings
  log.info(
    { version: readVersion(), profile, store: withoutPasswords(store) },
    'key package gateway added to nostream',
  )
  logRemarks(log, settings, { durable: true })
}
