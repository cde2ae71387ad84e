/**
 * The register hook, loaded by `--require` into programs with the files of nostream, and into other programs.
 * test/e2e/nostream/nostream.test.ts tests it in the real nostream.
 */

import { describe, expect, it } from '@jest/globals'
import { nostreamFiles, withHook } from '../../support/nostream-files.ts'
import { type Finished, finish } from '../../support/processes.ts'

/** Runs a program in a folder with these files and the hook. */
function start(
  files: Readonly<Record<string, string | undefined>>,
  program: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  return finish(process.execPath, [program], withHook(files, env))
}

describe('in nostream', () => {
  it('wraps the factory when it is loaded, and logs one line', async () => {
    const { code, stdout, stderr } = await start(nostreamFiles, 'src/index.js', {
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
    const { stderr } = await start(nostreamFiles, 'src')
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
      ...nostreamFiles,
      'src/index.js': "require('./factories/message-handler-factory')",
      ...missing,
    }
    const { code, stderr } = await start(files, 'src/index.js')
    expect(code).not.toBe(0)
    expect(stderr).toMatch(why)
  })

  it('stops the start with a wrong setting', async () => {
    const { code, stderr } = await start(nostreamFiles, 'src/index.js', { KPG_QUOTA_PER_AUTHOR_MAX: 'many' })
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/quota\.perAuthor\.max: .*environment variable KPG_QUOTA_PER_AUTHOR_MAX/)
  })
})

describe('in any other program', () => {
  it.each([
    [
      'a program beside nostream',
      { ...nostreamFiles, 'src/clean-db.js': 'console.log(1)' },
      'src/clean-db.js',
    ],
    [
      "nostream's command line",
      { ...nostreamFiles, 'src/cli/index.js': 'console.log(1)' },
      'src/cli/index.js',
    ],
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
