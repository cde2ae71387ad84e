/** Each command loads the packages that it uses, and no others: they cost time at every start, and memory as long as it runs. */

import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { runCli, startCli } from '../../support/cli.ts'
import { scratch } from '../../support/scratch.ts'

const HOOKS = new URL('../../support/loaded-packages.mjs', import.meta.url).href
const HEAVY = ['yaml', 'lmdb', 'ioredis', 'fastify', 'pino-pretty', 'prom-client', 'ts-mls']
const directory = scratch()
const lmdb = `lmdb:${directory}/store`
let runs = 0

/** Makes a process write down what it loads. */
function watched(): { env: Record<string, string>; loaded: () => string[] } {
  const file = `${directory}/${runs++}`
  return {
    env: { NODE_OPTIONS: `--import ${HOOKS}`, LOADED_PACKAGES: file },
    loaded: () => {
      const names = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
      const packages = new Set(names.map((name) => /^(@[^/]+\/[^/]+|[^/]+)/.exec(name)?.[0] ?? ''))
      return HEAVY.filter((name) => packages.has(name))
    },
  }
}

describe('what is loaded by', () => {
  it.each([
    [['--version'], []],
    [['--help'], []],
    [['serve', '--help'], []],
    [['strfry', '--store', lmdb], []],
    [['stats', '--store', lmdb], ['lmdb']],
    [['export', '--store', lmdb], ['lmdb']],
    [['stats', '--store', 'redis://127.0.0.1:1'], ['ioredis']],
  ])('%j', async (args, expected) => {
    await lmdbStore({ path: `${directory}/store` }).close()
    const { env, loaded } = watched()
    await runCli(args, { env })
    expect(loaded()).toEqual(expected)
  })

  it.each([
    [['--store', 'memory:', '--admin-listen', 'none'], []],
    [['--store', 'memory:', '--admin-listen', '127.0.0.1:0'], ['prom-client']],
    [['--store', 'memory:', '--admin-listen', 'none', '--upstream', 'ws://127.0.0.1:1'], []],
    [['--store', lmdb, '--admin-listen', 'none'], ['lmdb']],
  ])('serve %j, before anybody has come', async (args, expected) => {
    const { env, loaded } = watched()
    const server = startCli(['serve', '--listen', '127.0.0.1:0', ...args], { env })
    await once(server.stderr, 'data')
    const ended = once(server, 'exit')
    server.kill('SIGTERM')
    await ended
    expect(loaded()).toEqual(expected)
  })

  it('serve, once somebody has used the REST interface: its HTTP server as well', async () => {
    const { env, loaded } = watched()
    const server = startCli(
      ['serve', '--listen', '127.0.0.1:0', '--store', 'memory:', '--admin-listen', 'none'],
      { env },
    )
    const [line] = await once(server.stderr.setEncoding('utf8'), 'data')
    const { url } = JSON.parse(String(line).split('\n')[0] ?? '')
    const { ok } = await fetch(`${url.replace('ws:', 'http:')}/api/v1/information`)
    expect(ok).toBe(true)
    const ended = once(server, 'exit')
    server.kill('SIGTERM')
    await ended
    // @fastify/swagger writes the document in YAML too.
    expect(loaded()).toEqual(['yaml', 'fastify'])
  })
})
