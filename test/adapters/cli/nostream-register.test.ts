/**
 * The register hook, loaded by `--require` into programs with the files of nostream, and into other programs.
 * test/e2e/nostream/nostream.test.ts tests it in the real nostream.
 */

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import { type Finished, finish } from '../../support/processes.ts'
import { scratch } from '../../support/scratch.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** The modules of nostream that the hook uses; `src/index.js` prints which handlers its factory created. */
const nostream = {
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

/** Runs a program in a folder with these files and the hook, as if the package were installed there. */
async function start(
  files: Readonly<Record<string, string | undefined>>,
  program: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const made = scratch()
  mkdirSync(join(made, 'node_modules'))
  symlinkSync(root, join(made, 'node_modules/keypackage-gateway'))
  for (const [name, text] of Object.entries(files)) {
    if (text === undefined) continue
    mkdirSync(dirname(join(made, name)), { recursive: true })
    writeFileSync(join(made, name), text)
  }
  const options = {
    cwd: made,
    env: { ...process.env, NODE_OPTIONS: '--require keypackage-gateway/nostream/register', ...env },
  }
  return finish(process.execPath, [program], options)
}

describe('in nostream', () => {
  it('wraps the factory when it is loaded, and logs one line', async () => {
    const { code, stdout, stderr } = await start(nostream, 'src/index.js', {
      KPG_PROFILE: 'marmot',
      REDIS_HOST: 'cache',
      REDIS_PASSWORD: 'secret',
    })
    expect(code).toBe(0)
    expect(stdout.split('\n')).toEqual(['EventMessageHandler', 'Object', ''])
    expect(
      stderr
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      expect.objectContaining({
        version: expect.any(String),
        profile: 'marmot',
        store: 'redis://***@cache:6379',
        msg: 'key package gateway added to nostream',
      }),
    ])
  })

  it('finds the factory when nostream is started by its folder', async () => {
    const { stderr } = await start(nostream, 'src')
    expect(stderr).toContain('key package gateway added to nostream')
  })

  it.each<[what: string, missing: Record<string, string | undefined>, why: RegExp]>([
    ['the factory', { 'src/factories/message-handler-factory.js': undefined }, /cannot find .*factory\.js/],
    [
      'messageHandlerFactory',
      { 'src/factories/message-handler-factory.js': 'exports.makeHandler = () => {}' },
      /message-handler-factory\.js has no messageHandlerFactory; /,
    ],
    [
      'strategyFactory',
      {
        'src/handlers/event-message-handler.js': 'exports.EventMessageHandler = class { handleMessage() {} }',
      },
      /EventMessageHandler has no strategyFactory; /,
    ],
    [
      'getAuthenticatedPubkeys',
      {
        'src/adapters/web-socket-adapter.js':
          'exports.WebSocketAdapter = class extends require("node:events") { getClientAddress() {} }',
      },
      /WebSocketAdapter has no getAuthenticatedPubkeys; .*nostream 3\.0\.0/,
    ],
  ])('stops the start where %s is missing, and says so', async (_what, missing, why) => {
    const files = {
      ...nostream,
      'src/index.js': "require('./factories/message-handler-factory')",
      ...missing,
    }
    const { code, stderr } = await start(files, 'src/index.js')
    expect(code).not.toBe(0)
    expect(stderr).toMatch(why)
  })

  it('stops the start with a wrong setting', async () => {
    const { code, stderr } = await start(nostream, 'src/index.js', { KPG_QUOTA_PER_AUTHOR_MAX: 'many' })
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/quota\.perAuthor\.max: .*environment variable KPG_QUOTA_PER_AUTHOR_MAX/)
  })
})

describe('in any other program', () => {
  it.each([
    ['a program beside nostream', { ...nostream, 'src/clean-db.js': 'console.log(1)' }, 'src/clean-db.js'],
    ["nostream's command line", { ...nostream, 'src/cli/index.js': 'console.log(1)' }, 'src/cli/index.js'],
    ['a package manager', { 'package.json': '{}', 'bin/index.js': 'console.log(1)' }, 'bin/index.js'],
  ])('does nothing: %s', async (_what, files, program) => {
    // It does not even read the settings.
    const { code, stdout, stderr } = await start(files, program, { KPG_PROFILE: 'nonsense' })
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '1\n', stderr: '' })
  })

  it('can be loaded with require as well as import', async () => {
    const program = `
      const { withKeyPackageGateway, nostreamRedis } = require('keypackage-gateway/nostream')
      console.log(typeof withKeyPackageGateway, nostreamRedis({}))`
    const { stdout, stderr } = await start({ 'program.cjs': program }, 'program.cjs')
    expect({ stdout, stderr }).toEqual({ stdout: 'function redis://localhost:6379\n', stderr: '' })
  })
})
