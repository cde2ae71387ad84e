/** The built `keypackage-gateway/client` in a real browser, with a real `serve`. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { Browser } from '../support/browser.ts'
import { type Serving, serveCli } from '../support/cli.ts'
import { startProcess } from '../support/processes.ts'

// Where there is no browser yet, it is installed first.
jest.setTimeout(300_000)

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

let browser: Browser
let modules: ChildProcess
let port: string
let serving: Serving

beforeAll(async () => {
  browser = await Browser.start()
  serving = await serveCli(['--store', 'memory:'])
  const flags = ['--experimental-import-meta-resolve', '--disable-warning=ExperimentalWarning']
  const child = startProcess(process.execPath, [...flags, path('../support/module-server.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  modules = child
  ;[port] = (await once(createInterface(child.stdout), 'line')) as [string]
})
afterAll(async () => {
  modules.kill()
  serving.kill('SIGTERM')
  await Promise.all([browser.close(), serving.finished])
})

it('publishes, discovers, claims, counts and is asked for more, without Node.js APIs', async () => {
  const run = await browser.open(`http://127.0.0.1:${port}/`)
  const page = JSON.stringify(path('./client-in-browser.mjs'))
  const relay = `${serving.url}/`
  expect(await run(`import(${page}).then(({ run }) => run(${JSON.stringify(relay)}))`)).toEqual({
    platform: 'a browser',
    published: ['accepted', 'accepted', 'accepted'],
    discovered: [relay],
    isHers: true,
    ciphersuite: 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519',
    left: [{ relay, outcome: 'counted', count: 2 }],
    isAskedForMore: true,
  })
})

describe('the recipe for IndexedDB', () => {
  it('in the README is the one of the example', () => {
    const [readme, example] = ['../../adapters/client/README.md', '../../examples/browser/key-packages.js']
    expect(readFileSync(path(readme), 'utf8')).toContain(
      `\`\`\`js\n${readFileSync(path(example), 'utf8')}\`\`\``,
    )
  })

  it('gives private keys and the slot back after a restart, to their user alone', async () => {
    const run = await browser.open(`http://127.0.0.1:${port}/`)
    const page = JSON.stringify(path('./client-in-browser.mjs'))
    expect(await run(`import(${page}).then(({ store }) => store())`)).toEqual({
      isSameSlot: true,
      isSamePackage: true,
      areSameKeys: true,
      isOthersSlot: false,
      forgotten: true,
    })
  })
})
