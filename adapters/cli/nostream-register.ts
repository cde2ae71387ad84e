/**
 * What nostream loads with `NODE_OPTIONS="--require keypackage-gateway/nostream/register"`: the gateway goes into its
 * message handler factory as that is loaded, in every process of nostream; any other process is left alone.
 */

import '../node/supported.ts'
import cluster from 'node:cluster'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, extname, join } from 'node:path'
import type { Logger } from 'pino'
import { Hook } from 'require-in-the-middle'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import { type MessageHandlerFactory, withKeyPackageGateway } from '../relays/nostream/index.ts'
import {
  checkAdapter,
  checkEventHandler,
  type NostreamAdapter,
  requireMembers,
} from '../relays/nostream/members.ts'
import { createJsonLogger } from './logger.ts'
import { openNostreamGateway, readNostreamSettings } from './nostream.ts'
import { withoutPasswords } from './settings.ts'
import type { Settings } from './settings-schema.ts'
import { readVersion } from './version.ts'
import { warningsAbout } from './warnings.ts'

type MakeFactory = (...repositories: readonly unknown[]) => MessageHandlerFactory<unknown, NostreamAdapter>

const program = mainFile()
if (program !== undefined) register(program)

/** The file that this process runs; undefined where it runs none. */
function mainFile(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(process.argv[1] ?? '')
  } catch {
    return undefined
  }
}

/** @throws Error where nostream has its message handler factory elsewhere */
function register(program: string): void {
  const factory = join(dirname(program), 'factories', `message-handler-factory${extname(program)}`)
  if (existsSync(factory))
    new Hook([factory], (exports) => install(factory, exports as object) as typeof exports)
  else if (isNostream(program)) throw new Error(`nostream has no ${factory}, where the gateway goes in`)
}

function isNostream(program: string): boolean {
  const manifest = join(dirname(program), '../package.json')
  if (basename(program, extname(program)) !== 'index' || !existsSync(manifest)) return false
  return JSON.parse(readFileSync(manifest, 'utf8')).name === 'nostream'
}

/** @throws Error naming what is missing in nostream, or wrong in the settings: nostream does not start then */
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
  let gateway: KeyPackageGateway | undefined
  const open = () => {
    gateway ??= openNostreamGateway(settings, log)
    return gateway
  }
  // Messages are the workers' work; the primary process is one, and speaks for all.
  if (cluster.isPrimary) announce(settings, log)
  else open()
  const makeFactory: MakeFactory = (...repositories) =>
    withKeyPackageGateway(messageHandlerFactory(...repositories), open())
  return { ...exports, messageHandlerFactory: makeFactory }
}

function announce(settings: Settings, log: Logger): void {
  const { profile, store } = settings
  log.info({ version: readVersion(), profile, store: withoutPasswords(store) }, 'nostream has key packages')
  for (const warning of warningsAbout(settings, { durable: true })) log.warn(warning)
}
