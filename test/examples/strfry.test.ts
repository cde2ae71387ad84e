/** examples/strfry works as its README says, on the real strfry if STRFRY_BIN is set. */

import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'
import { loadSettings } from '../../adapters/cli/settings.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { StrfryRelay, strfryProgram } from '../e2e/strfry/strfry-relay.ts'
import { MAIN, runCli, serveCli } from '../support/cli.ts'
import { Client } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { keyPackageEvent, makeKeyPackage, signEvent } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import { finish, startProcess } from '../support/processes.ts'
import { scratch } from '../support/scratch.ts'
import { pluginCommand } from '../support/strfry.ts'

const example = new URL('../../examples/strfry/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, example), 'utf8')
const COMMAND = 'keypackage-gateway'
const alice = person('alice')
const ofAlice = { kinds: [443], authors: [alice.pubkey] }

const endings: (() => unknown)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

describe('the files', () => {
  it('gateway.yaml is valid', () => {
    const settings = loadSettings({ file: new URL('gateway.yaml', example).pathname, env: {}, flags: {} })
    expect(settings).toMatchObject({
      custody: 'gateway',
      proxy: { publish: 'upstream', trust: ['127.0.0.1'] },
    })
  })

  it('give the gateway no more than it needs', async () => {
    const { services } = parse(read('compose.yaml'))
    for (const service of Object.values(services))
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      })
    const rights = (unit: string) =>
      unit.split('\n').filter((line) => /^(Cap|Lock|No|Priv|Prot|Restrict[^P]|Sys)/.test(line))
    const unit = read('keypackage-gateway.service')
    expect(rights(unit)).toEqual(rights(read('../serve/keypackage-gateway.service')))
    const path = fileURLToPath(new URL('keypackage-gateway.service', example))
    const verified = await finish('systemd-analyze', ['verify', path]).catch(() => undefined)
    // Where there is no systemd, nobody can say.
    if (verified !== undefined) expect(verified).toMatchObject({ code: 0 })
  })

  it('agree on addresses, ports, paths and the command', () => {
    const { listen, upstream, publicUrl, store, kinds } = parse(read('gateway.yaml'))
    const config = '/etc/keypackage-gateway/gateway.yaml'
    const state = store.replace('lmdb:', '')
    const [, port] = upstream.split('ws://127.0.0.1:')
    const strfry = read('strfry.conf')
    expect(JSON.parse(read('../../package.json')).bin).toHaveProperty(COMMAND)
    for (const line of [`port = ${port}`, 'bind = "127.0.0.1"', `serviceUrl = "${publicUrl}"`]) {
      expect(strfry).toContain(line)
    }
    expect(strfry).toContain(`plugin = "${COMMAND} strfry --config ${config}"`)
    expect(strfry).toMatch(new RegExp(`^ *restrictedReadKinds = "4, 1059, ${kinds.join(', ')}"$`, 'm'))
    expect(read('README.md')).toContain(`strfry scan '{"kinds":[${kinds},10051]}'`)
    expect(read('nginx.conf')).toContain(`proxy_pass http://${listen};`)
    const unit = read('keypackage-gateway.service')
    expect(unit).toMatch(new RegExp(`^ExecStart=\\S+ ${COMMAND} serve --config ${config}$`, 'm'))
    expect(`/var/lib/${/^StateDirectory=(.+)$/m.exec(unit)?.[1]}`).toBe(state)
    expect(read('strfry.service.conf')).toContain(`ReadWritePaths=${state}\n`)
    expect(read('Dockerfile')).toMatch(new RegExp(`install -d -o strfry ${state}$`, 'm'))
  })

  it('compose.yaml gives both services their files and the same store', () => {
    const { services, volumes } = parse(read('compose.yaml')) as Compose
    expect(services.gateway?.entrypoint).toEqual([
      COMMAND,
      'serve',
      '--config',
      '/etc/keypackage-gateway/gateway.yaml',
    ])
    expect(services.gateway?.image).toBe(services.strfry?.image)
    for (const service of Object.values(services)) {
      expect(service.volumes).toContain('key-packages:/var/lib/keypackage-gateway')
      expect(service.volumes).toContain('./gateway.yaml:/etc/keypackage-gateway/gateway.yaml:ro')
      for (const volume of service.volumes) {
        const [source = ''] = volume.split(':')
        expect(source.startsWith('./') ? existsSync(new URL(source, example)) : source in volumes).toBe(true)
      }
    }
    expect(services.strfry?.volumes).toContain('./strfry.conf:/etc/strfry.conf:ro')
  })
})

interface Compose {
  readonly services: Readonly<
    Record<string, { readonly volumes: string[]; readonly entrypoint?: string[]; readonly image: string }>
  >
  readonly volumes: object
}

const describeStrfry = strfryProgram === undefined ? describe.skip : describe

describeStrfry('a running strfry', () => {
  it('gets the gateway step by step, and loses no key package', async () => {
    const directory = scratch()
    const config = join(directory, 'gateway.yaml')
    const before = 'relay {\n bind = "127.0.0.1"\n port = 7777\n}'
    const strfry = start(await StrfryRelay.start(directory, before), (relay) => relay.stop())
    const old = [await newKeyPackage(90), await newKeyPackage(80)]
    const slot = await newKeyPackage(85, { kind: 30443, tags: { d: ['phone'] } })
    const note = signEvent(alice.secretKey, { kind: 1, created_at: now(), tags: [], content: 'hello' })
    const direct = await connect(strfry.url)
    for (const event of [...old, slot, note]) expect(await direct.publish(event)).toEqual([true, ''])

    const shell = new ReadmeShell(directory, strfry, config)
    const stored = () => strfry.command('scan', '{"kinds":[443,30443]}')

    // 2. Start the gateway
    writeFileSync(
      config,
      read('gateway.yaml')
        .replace('lmdb:/var/lib/keypackage-gateway', `lmdb:${join(directory, 'store')}`)
        .replace('ws://127.0.0.1:7777', strfry.url),
    )
    const proxy = start(await serveCli(['--config', config]), async ({ kill, finished }) => {
      kill('SIGTERM')
      await finished
    })
    const { limitation } = await informationOf(strfry.url)
    expect((await informationOf(proxy.url)).limitation).toMatchObject(limitation)

    // 3. Copy the key packages that strfry has: it serves them as before
    expect(await shell.run('## 3.', 'import')).toMatch(/^stored +3 /m)
    expect((await direct.request('still', ofAlice)).events).toHaveLength(2)
    const later = await newKeyPackage(60)
    expect(await direct.publish(later)).toEqual([true, ''])

    // 4. Put the gateway in front of strfry: its own lines stay, and it is not restarted
    const plugin = 'keypackage-gateway strfry --config /etc/keypackage-gateway/gateway.yaml'
    const line = `plugin = "${pluginCommand('--config', config)}"`
    expect(read('strfry.conf')).toContain(plugin)
    strfry.configure(before.replace('port = 7777', `port = 7777\n writePolicy { ${line} }`))
    const client = await connect(proxy.url)
    const event = await eventually('strfry has taken the plugin', async () => {
      const made = await newKeyPackage(70)
      expect(await client.publish(made)).toEqual([true, ''])
      expect(await strfry.command('scan', JSON.stringify({ ids: [made.id] }))).toBe('')
      return made
    })
    expect((await client.request('note', { kinds: [1] })).events).toEqual([note])
    const claims = async () => (await (await connect(proxy.url)).request('c', ofAlice)).events[0]?.id
    const claimed = [await claims(), await claims()]
    expect([...old, event].map(({ id }) => id)).toEqual(expect.arrayContaining(claimed))
    const inSlot = await client.request('slot', { kinds: [30443], authors: [alice.pubkey] })
    expect(inSlot.events).toEqual([slot])

    // 5. Close the way around the gateway
    await direct.close()
    await strfry.stop()
    strfry.configure(read('strfry.conf').replace(plugin, pluginCommand('--config', config)))
    await strfry.run()
    const around = await connect(strfry.url)
    expect((await around.request('old', ofAlice)).closed).toMatch(/auth-required: /)
    expect((await around.request('all', { authors: [alice.pubkey] })).events).toEqual([note])

    // 6. Remove from strfry what the gateway has taken in, claimed or not; what it refuses stays
    const refused = await newKeyPackage(50, { tags: { mls_ciphersuite: ['0x0003'] } })
    await strfry.import(refused)
    await shell.run('## 6.', 'import')
    await shell.run('## 6.', 'delete')
    expect(JSON.parse(await stored())).toEqual(refused)
    expect((await (await connect(proxy.url)).request('3', ofAlice)).events).toHaveLength(1)

    // 7. Check that it works
    expect(await informationOf(proxy.url)).toMatchObject({
      software: expect.stringContaining('strfry'),
      key_packages: { kinds: [443, 30443] },
    })
    expect((await runCli(['stats', '--config', config])).code).toBe(0)
    await expect(synchronise(proxy.url, {})).resolves.toMatch(/^blocked: /)
    await expect(synchronise(proxy.url, { kinds: [1] })).resolves.toBeUndefined()
  })
})

/** Why a peer may not synchronise (NIP-77); undefined if it may. */
async function synchronise(url: string, filter: object): Promise<unknown> {
  const client = await connect(url)
  client.send(['NEG-OPEN', 'sync', filter, '6100000200'])
  const answer = (await client.untilAny('NEG-MSG', 'NEG-ERR')).at(-1)
  return answer?.[0] === 'NEG-ERR' ? answer[2] : undefined
}

/** Runs commands of the README, in which strfry's user and the paths of an installation are those of the test. */
class ReadmeShell {
  readonly #environment: NodeJS.ProcessEnv
  readonly #replaced: readonly (readonly [string, string])[]

  constructor(directory: string, strfry: StrfryRelay, config: string) {
    const programs = join(directory, 'bin')
    mkdirSync(programs)
    const script = (name: string, command: string) =>
      writeFileSync(join(programs, name), `#!/bin/sh\n${command} "$@"\n`, { mode: 0o755 })
    script('sudo', 'shift 2; exec')
    script('strfry', `exec '${strfryProgram}' --config='${strfry.configPath}'`)
    script(COMMAND, `exec '${process.execPath}' '${MAIN}'`)
    this.#environment = { ...process.env, PATH: `${programs}:${process.env.PATH}` }
    this.#replaced = [
      ['/etc/keypackage-gateway/gateway.yaml', config],
      ['/var/lib/keypackage-gateway/taken', join(directory, 'taken')],
    ]
  }

  /** The command of this section that has this word in it. Resolves with what it prints. */
  async run(section: string, word: string): Promise<string> {
    const [, text = ''] = read('README.md').split(section)
    const [, block = ''] = /```sh\n(.*?)```/s.exec(text) ?? []
    const commands = block.split(/\n(?!\s)/)
    const command = this.#replaced.reduce(
      (line, [from, to]) => line.replaceAll(from, to),
      commands.find((line) => line.includes(word)) ?? 'false',
    )
    const child = startProcess('/bin/sh', ['-c', command], { env: this.#environment })
    let printed = ''
    child.stdout.on('data', (data) => {
      printed += data
    })
    await once(child, 'close')
    return printed
  }
}

/** Stopped after the test. */
function start<Started>(started: Started, end: (started: Started) => unknown): Started {
  endings.push(() => end(started))
  return started
}

async function connect(url: string): Promise<Client> {
  return start(await Client.connect(url), (client) => client.close())
}

/** The NIP-11 document. */
async function informationOf(url: string) {
  const answer = await fetch(url.replace('ws', 'http'), { headers: { Accept: 'application/nostr+json' } })
  return (await answer.json()) as { readonly limitation: { readonly max_message_length: number } }
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}

async function newKeyPackage(
  age: number,
  settings: Parameters<typeof keyPackageEvent>[2] = {},
): Promise<SignedEvent> {
  const keyPackage = await makeKeyPackage(alice, { now: now() })
  return keyPackageEvent(alice, keyPackage, { createdAt: now() - age, ...settings })
}
