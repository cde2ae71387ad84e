/** examples/serve works as its README says: its files agree, and its steps back up and restore a store. */

import { chmodSync, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'
import { loadSettings } from '../../adapters/cli/settings.ts'
import { lmdbStore } from '../../adapters/storage/lmdb.ts'
import { MAIN, runCli, serveCli } from '../support/cli.ts'
import { Client } from '../support/client.ts'
import { keyPackageEvent, makeKeyPackage } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import { finish } from '../support/processes.ts'
import { scratch } from '../support/scratch.ts'

const example = new URL('../../examples/serve/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, example), 'utf8')
const STATE = '/var/lib/keypackage-gateway'
const CONFIG = '/etc/keypackage-gateway/gateway.yaml'
const alice = person('alice')

describe('the files', () => {
  const file = fileURLToPath(new URL('gateway.yaml', example))

  it('gateway.yaml is valid, and its store is where the service and the container may write', () => {
    const settings = loadSettings({ file, env: {}, flags: {} })
    expect(settings).toMatchObject({ store: `lmdb:${STATE}/store`, admin: { listen: '127.0.0.1:9447' } })
    const unit = read('keypackage-gateway.service')
    expect(`/var/lib/${/^StateDirectory=(.+)$/m.exec(unit)?.[1]}`).toBe(STATE)
    expect(unit).toMatch(new RegExp(`^ExecStart=\\S+ keypackage-gateway serve --config ${CONFIG}$`, 'm'))
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(settings.server.drainSeconds)
  })

  it('the service has no way to write but to its state, and systemd understands it', async () => {
    const unit = read('keypackage-gateway.service')
    for (const line of [
      'ProtectSystem=strict',
      'ProtectHome=yes',
      'NoNewPrivileges=yes',
      'CapabilityBoundingSet=',
    ])
      expect(unit.split('\n')).toContain(line)
    const path = fileURLToPath(new URL('keypackage-gateway.service', example))
    const verified = await finish('systemd-analyze', ['verify', path]).catch(() => undefined)
    // Where there is no systemd, nobody can say.
    if (verified !== undefined) expect(verified).toMatchObject({ code: 0, stderr: '' })
  })

  it('the container is not root, cannot write elsewhere, and asks the listener of the settings for its health', () => {
    const docker = read('Dockerfile')
    expect(docker.lastIndexOf('USER node')).toBeGreaterThan(docker.lastIndexOf('RUN '))
    expect(docker).toContain(`VOLUME ${STATE}`)
    const { admin } = loadSettings({ file, env: {}, flags: {} })
    expect(docker).toContain(`fetch('http://${admin.listen}/readyz')`)
    const { gateway } = parse(read('compose.yaml')).services
    expect(gateway).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      tmpfs: ['/tmp'],
      security_opt: ['no-new-privileges:true'],
    })
    expect(gateway.volumes).toEqual([`./gateway.yaml:${CONFIG}:ro`, `key-packages:${STATE}`])
    const inside = loadSettings({ file, env: gateway.environment, flags: {} })
    expect(inside.listen).toBe(`0.0.0.0:${EXPOSED.exec(docker)?.[1]}`)
  })

  it('its health check succeeds while the store is there, and fails without a server', async () => {
    const [, arrayText = '[]'] = /CMD (\["node".*\])/.exec(read('Dockerfile')) ?? []
    const [, ...args] = JSON.parse(arrayText) as string[]
    const serving = await serveCli(['--store', 'memory:', '--admin-listen', '127.0.0.1:0'])
    const operator = String(serving.log.find(({ operator }) => operator !== undefined)?.operator)
    const check = (origin: string) =>
      finish(
        process.execPath,
        args.map((word) => word.replace('http://127.0.0.1:9447', origin.replace(/\/$/, ''))),
      )
    expect((await check(operator)).code).toBe(0)
    serving.kill('SIGTERM')
    await serving.finished
    expect((await check(operator)).code).toBe(1)
  })
})

const EXPOSED = /^EXPOSE (\d+)$/m

describe('the steps of the README', () => {
  let place: string
  let store: string
  let ids: string[]

  beforeEach(async () => {
    place = scratch()
    store = join(place, 'store')
    mkdirSync(join(place, 'bin'))
    program('keypackage-gateway', `exec ${process.execPath} ${MAIN} "$@"`)
    program('sudo', 'if [ "$1" = -u ]; then shift 2; fi; exec "$@"')
    // Nothing else uses the store, so it is stopped.
    program('systemctl', 'echo "$@" >> systemctl.log')
    ids = await stock()
  })

  function program(name: string, text: string): void {
    const path = join(place, 'bin', name)
    writeFileSync(path, `#!/bin/sh\n${text}\n`)
    chmodSync(path, 0o755)
  }

  /** Three packages of Alice, one of which Bob has claimed. */
  async function stock(): Promise<string[]> {
    const serving = await serveCli(['--store', `lmdb:${store}`])
    const client = await Client.greeted(serving.url)
    const now = Math.floor(Date.now() / 1000)
    const events = await Promise.all(
      [1, 2, 3].map(async (age) =>
        keyPackageEvent(alice, await makeKeyPackage(alice, { now }), { createdAt: now - age }),
      ),
    )
    for (const event of events) expect(await client.ask('EVENT', event)).toEqual(['OK', event.id, true, ''])
    const { events: claimed } = await client.request('one', {
      kinds: [443],
      authors: [alice.pubkey],
      limit: 1,
    })
    client.close()
    serving.kill('SIGTERM')
    await serving.finished
    return events.map(({ id }) => id).filter((id) => id !== claimed[0]?.id)
  }

  /** The commands below a heading of the README, in this place. */
  async function follow(heading: string, which = 0): Promise<string> {
    const [, section = ''] =
      new RegExp(`^## ${heading}\n(.*?)(?=^## |(?![^]))`, 'ms').exec(read('README.md')) ?? []
    const blocks = [...section.matchAll(/```sh\n(.*?)```/gs)].map(([, block = '']) => block)
    const script = (blocks[which] ?? 'exit 99').replaceAll(STATE, place)
    const env = { ...process.env, PATH: `${join(place, 'bin')}:${process.env.PATH}` }
    const { code, stdout, stderr } = await finish('sh', ['-ec', script], { cwd: place, env })
    expect({ heading, code, stderr }).toEqual({ heading, code: 0, stderr: expect.any(String) })
    return stdout
  }

  async function expectStock(): Promise<void> {
    const opened = lmdbStore({ path: store, ifMissing: 'fail' })
    const now = Math.floor(Date.now() / 1000)
    const listed = await opened.list(alice.pubkey, now)
    expect(listed.map(({ id }) => id).sort()).toEqual([...ids].sort())
    await opened.close()
  }

  it('back a store up, and restore it after its file was cut', async () => {
    await follow('Back up', 0)
    truncateSync(join(store, 'data.mdb'), 40_960)
    const { stderr } = await runCli(['stats', '--store', `lmdb:${store}`])
    expect(stderr).toContain('is damaged')
    expect(await follow('Restore')).toContain('authors')
    expect(existsSync(join(place, 'store-damaged/data.mdb'))).toBe(true)
    expect(readFileSync(join(place, 'systemctl.log'), 'utf8')).toBe(
      'stop keypackage-gateway\nstart keypackage-gateway\n',
    )
    await expectStock()
  })

  it('copy the files of a stopped server, which are a store by themselves', async () => {
    await follow('Back up', 1)
    store = join(place, 'store-before')
    await expectStock()
  })

  it('restore what was exported before an upgrade into a store of before it', async () => {
    const exported = await runCli(['export', '--store', `lmdb:${store}`])
    const elsewhere = `lmdb:${join(place, 'again')}`
    const { code } = await runCli(['import', '-', '--store', elsewhere], { input: exported.stdout })
    expect(code).toBe(0)
    const again = await runCli(['export', '--store', elsewhere])
    const lines = (text: string) => text.trim().split('\n').sort()
    expect(lines(again.stdout)).toEqual(lines(exported.stdout))
  })
})
