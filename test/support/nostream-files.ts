/** A folder with the files of nostream that the register hook uses, as if the package were installed there. */

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { scratch } from './scratch.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The modules of nostream that the hook uses; `src/index.js` prints which handlers its factory created. */
export const nostreamFiles = {
  'package.json': '{ "name": "nostream" }',
  'src/index.js': `
    const { messageHandlerFactory } = require('./factories/message-handler-factory')
    const handler = messageHandlerFactory('repository')([['EVENT', { kind: 1 }], adapter()])
    console.log(handler.constructor.name)
    console.log(messageHandlerFactory('repository')([['CLOSE', 's'], adapter()]).constructor.name)
    process.exit()
    function adapter() {
      const { WebSocketAdapter } = require('./adapters/web-socket-adapter')
      return new WebSocketAdapter()
    }`,
  'src/factories/message-handler-factory.js': `
    const { EventMessageHandler } = require('../handlers/event-message-handler')
    class CloseMessageHandler {}
    exports.messageHandlerFactory = (repository) => ([[verb], adapter]) =>
      verb === 'EVENT' ? new EventMessageHandler(adapter, repository) : new CloseMessageHandler()`,
  'src/factories/settings-factory.js': `
    exports.createSettings = () => ({ info: { relay_url: 'wss://relay.example.com' } })`,
  'src/handlers/event-message-handler.js': `
    exports.EventMessageHandler = class EventMessageHandler {
      strategyFactory
      constructor(adapter, strategyFactory) { this.strategyFactory = strategyFactory }
      async handleMessage() {}
    }`,
  'src/adapters/web-socket-adapter.js': `
    exports.WebSocketAdapter = class WebSocketAdapter extends require('node:events') {
      client = new (require('node:events'))()
      getClientAddress() { return '192.0.2.1' }
      getAuthenticatedPubkeys() { return new Set() }
    }`,
}

/** How a program in it is run with the hook, without an operator's listener unless `env` names one. */
export function withHook(
  files: Readonly<Record<string, string | undefined>>,
  env: Readonly<Record<string, string>> = {},
): { readonly cwd: string; readonly env: NodeJS.ProcessEnv } {
  const made = scratch()
  mkdirSync(join(made, 'node_modules'))
  symlinkSync(root, join(made, 'node_modules/keypackage-gateway'))
  for (const [name, text] of Object.entries(files)) {
    if (text === undefined) continue
    mkdirSync(dirname(join(made, name)), { recursive: true })
    writeFileSync(join(made, name), text)
  }
  const hook = { NODE_OPTIONS: '--require keypackage-gateway/nostream/register', KPG_ADMIN_LISTEN: 'none' }
  return { cwd: made, env: { ...process.env, ...hook, ...env } }
}
