/** The metrics of nostream: what all its workers count, at one address. */

import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it } from '@jest/globals'
import { eventually } from '../../support/eventually.ts'
import { http } from '../../support/http.ts'
import { nostreamFiles, withHook } from '../../support/nostream-files.ts'
import { startProcess } from '../../support/processes.ts'
import { scratch } from '../../support/scratch.ts'

/** A primary with two workers; each of them asks for key packages without naming an author, and stays. */
const program = `
  const cluster = require('node:cluster')
  const { messageHandlerFactory } = require('./factories/message-handler-factory')
  const { WebSocketAdapter } = require('./adapters/web-socket-adapter')
  if (cluster.isPrimary) for (let worker = 0; worker < 2; worker++) cluster.fork()
  else {
    const message = ['REQ', 'sub', { kinds: [443] }]
    messageHandlerFactory('repository')([message, new WebSocketAdapter()]).handleMessage(message)
    setInterval(() => {}, 1000)
  }
  process.on('SIGTERM', () => process.exit())`

it('the metrics of nostream are those of all its workers, and health is that of their store', async () => {
  const { cwd, env } = withHook(
    { ...nostreamFiles, 'src/index.js': program },
    { KPG_ADMIN_LISTEN: '127.0.0.1:0', KPG_STORE: `lmdb:${join(scratch(), 'store')}` },
  )
  const nostream = startProcess(process.execPath, ['src/index.js'], {
    cwd,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const logged: Record<string, unknown>[] = []
  createInterface(nostream.stderr).on('line', (line) => logged.push(JSON.parse(line)))
  const operator = await eventually('it listens for the operator', () => {
    const { operator = '' } = logged.find((entry) => entry.operator !== undefined) ?? {}
    return String(operator)
  })
  const text = await eventually('both workers have counted', async () => {
    const { body } = await http(`${operator}/metrics`)
    return body.includes('keypackage_gateway_refusals_total{verb="REQ",reason="restricted"} 2') ? body : ''
  })
  expect(text).toMatch(/\nkeypackage_gateway_build_info\{version="[^"]+"\} 1\n/)
  expect(text).toContain('\nkeypackage_gateway_store_up 1\n')
  expect(text).toContain('\nkeypackage_gateway_sessions 2\n')
  expect(text).not.toContain('keypackage_gateway_upstream_up')
  const { status, body } = await http(`${operator}/readyz`)
  expect([status, JSON.parse(body)]).toEqual([200, { ready: true, store: { ready: true } }])
  nostream.kill('SIGTERM')
  await once(nostream, 'exit')
})
