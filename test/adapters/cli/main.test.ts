/** The command line as a process: exit codes, stdout and stderr, and how `serve` starts and stops. */

import { describe, expect, it } from '@jest/globals'
import { listeningOn } from '../../../adapters/cli/listening.ts'
import { runCli, runWarm, serveCli } from '../../support/cli.ts'
import { Client } from '../../support/client.ts'
import { keyPackageEvent, makeKeyPackage, signEvent } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'
import { scratch } from '../../support/scratch.ts'

const alice = person('alice')
const HELP = /^Usage: keypackage-gateway/

describe('keypackage-gateway', () => {
  it('prints its version', async () => {
    expect(await runCli(['--version'])).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' })
  })

  it.each([
    [['--help']],
    [['serve', '--help']],
    [['inspect', '--help']],
    [['demo', '--help']],
    [['import', '--help']],
    [['export', '--help']],
    [['stats', '--help']],
    [['sweep', '--help']],
    [['help', 'serve']],
  ])('prints help: %j', async (args) => {
    expect(await runWarm(args)).toEqual({ code: 0, stdout: expect.stringMatching(HELP), stderr: '' })
  })

  it.each([
    ['no command', [], HELP],
    ['an unknown command', ['server'], /unknown command 'server'/],
    ['an unknown flag', ['serve', '--lissten', 'x'], /unknown option '--lissten'/],
    ['a flag without its value', ['serve', '--listen'], /argument missing/],
    ['too many arguments', ['serve', 'x'], /too many arguments/],
    ['no file to inspect', ['inspect'], /missing required argument 'file'/],
    ['no file to import', ['import'], /missing required argument 'file'/],
  ])('exits 2 on %s, and stdout stays empty', async (_, args, stderr) => {
    expect(await runWarm(args)).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(stderr) })
  })
})

describe('serve exits 2', () => {
  it.each([
    [
      'a wrong flag',
      ['--stock-max', '0'],
      {},
      'stock.max: 0 is not allowed; expected an integer from 1 to 1000 (flag --stock-max)',
    ],
    [
      'a wrong variable',
      [],
      { KPG_LISTEN: 'here' },
      'listen: "here" is not allowed; expected a string such as 127.0.0.1:7447 or 7447; the port is missing: write here:7447 (environment variable KPG_LISTEN)',
    ],
    ['an unknown variable', [], { KPG_LOG: 'x' }, 'KPG_LOG: unknown setting; expected KPG_LOG_LEVEL'],
    [
      'custody of a relay without upstream',
      ['--custody', 'relay'],
      {},
      'custody: "relay" requires upstream; without a relay behind the gateway use gateway',
    ],
    [
      'one address for clients and for the operator',
      ['--listen', '0.0.0.0:9447'],
      {},
      'admin.listen: "127.0.0.1:9447" is the address of listen; the operator\'s listener needs one of its own, or none',
    ],
  ])('with %s', async (_, flags, env, problem) => {
    expect(await runCli(['serve', ...flags], { env })).toEqual({
      code: 2,
      stdout: '',
      stderr: `error: ${problem}\n`,
    })
  })
})

describe('serve', () => {
  it('logs what it serves in one line, and warns of surprising settings', async () => {
    const serving = await serveCli(['--store', 'memory:', '--profile', 'nip-ee-relay'])
    serving.kill('SIGTERM')
    await serving.finished
    const [start, ...rest] = serving.log
    expect(start).toMatchObject({
      msg: 'serving key packages',
      url: serving.url,
      store: 'memory:',
      profile: 'nip-ee-relay',
    })
    const warnings = rest.filter(({ level }) => level === 40).map(({ msg }) => msg)
    expect(warnings).toEqual([
      expect.stringContaining('delivery.encoding is hex'),
      expect.stringContaining('not durable'),
    ])
    expect(rest).toContainEqual(
      expect.objectContaining({ level: 30, msg: expect.stringContaining('publicUrl is not set') }),
    )
  })

  it('logs no warning with the default settings', async () => {
    const serving = await serveCli(['--store', `lmdb:${scratch()}/store`])
    serving.kill('SIGTERM')
    await serving.finished
    expect(serving.log[0]).toMatchObject({ profile: 'mixed' })
    expect(serving.log.filter(({ level }) => level > 30)).toEqual([])
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'closes its clients with 1001 and exits 0 on %s',
    async (signal) => {
      const serving = await serveCli(['--store', 'memory:'])
      const client = await Client.greeted(serving.url)
      const closed = client.ended
      serving.kill(signal)
      expect(await closed).toBe(1001)
      expect(await serving.finished).toEqual({ code: 0, stdout: '' })
    },
  )

  it('exits immediately on a second signal, with clients still connected', async () => {
    const serving = await serveCli(['--store', 'memory:', '--server-drain-seconds', '300'])
    const client = await Client.greeted(serving.url)
    client.socket.pause()
    serving.kill('SIGTERM')
    await refused(serving.url)
    serving.kill('SIGTERM')
    expect(await serving.finished).toEqual({ code: 1, stdout: '' })
  })

  it('has stored durably what it answered with OK, after SIGTERM during publishing (I6)', async () => {
    const folder = scratch()
    const flags = ['--store', `lmdb:${folder}/store`]
    const now = Math.floor(Date.now() / 1000)
    const events = []
    for (let index = 0; index < 8; index += 1) {
      events.push(keyPackageEvent(alice, await makeKeyPackage(alice, { now }), { createdAt: now - index }))
    }

    const serving = await serveCli(flags)
    const client = await Client.greeted(serving.url)
    for (const event of events) client.send(['EVENT', event])
    const accepted = [await client.next()]
    serving.kill('SIGTERM')
    for (;;) {
      const message = await client.next().catch(() => undefined)
      if (message === undefined) break
      accepted.push(message)
    }
    expect(await serving.finished).toEqual({ code: 0, stdout: '' })

    const again = await serveCli(flags)
    const owner = await Client.greeted(again.url)
    await owner.authenticate(alice, now)
    owner.send(['REQ', 'own', { kinds: [443], authors: [alice.pubkey] }])
    const own = (await owner.until('EOSE')).filter(([verb]) => verb === 'EVENT')
    const ids = own.map(([, , event]) => (event as { id: string }).id)
    expect(ids).toEqual(expect.arrayContaining(accepted.map(([, id]) => id)))
    again.kill('SIGTERM')
    await again.finished
  })

  it('never logs the content of a key package (I4)', async () => {
    const serving = await serveCli(['--store', 'memory:', '--log-level', 'debug'])
    const now = Math.floor(Date.now() / 1000)
    const pkg = keyPackageEvent(alice, await makeKeyPackage(alice, { now }), { createdAt: now })
    const broken = signEvent(alice.secretKey, { ...pkg, tags: [['secret-tag']], created_at: now })
    const client = await Client.greeted(serving.url)
    expect(await client.ask('EVENT', pkg)).toEqual(['OK', pkg.id, true, ''])
    expect(await client.ask('EVENT', broken)).toEqual(['OK', broken.id, false, expect.any(String)])
    client.send(['REQ', 's', { kinds: [443], authors: [alice.pubkey] }])
    await client.until('EOSE')
    serving.kill('SIGTERM')
    await serving.finished
    const log = JSON.stringify(serving.log)
    expect(log).not.toContain(pkg.content.slice(100, 140))
    expect(log).not.toContain('secret-tag')
  })

  it('exits 1 on an address in use, and names the setting, the address and what to do', async () => {
    const serving = await serveCli(['--store', 'memory:'])
    const { host, port } = new URL(serving.url)
    expect(await runCli(['serve', '--store', 'memory:', '--listen', host])).toEqual({
      code: 1,
      stdout: '',
      stderr: `error: listen: cannot listen on ${host}: another program listens there already; stop it (\`ss -ltnp "sport = :${port}"\` shows which), or choose another port (--listen; EADDRINUSE)\n`,
    })
    serving.kill('SIGTERM')
    await serving.finished
  })

  it.each([
    ['192.0.2.1:7447', 'this machine has no such address; .* or 0.0.0.0:7447 for every network'],
    [
      'nosuch.invalid:7447',
      'the host name nosuch.invalid (is not known|cannot be looked up now); use an address',
    ],
  ])('exits 1 on the address %s of another machine or of none, and says so', async (listen, reason) => {
    expect(await runCli(['serve', '--store', 'memory:', '--listen', listen])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        new RegExp(`^error: listen: cannot listen on ${listen}: ${reason} \\(.*\\)\n$`),
      ),
    })
  })

  it('has a reason for a port that is not permitted, and leaves other errors alone', async () => {
    const failing = (address: string, code: string) =>
      listeningOn({ setting: 'admin.listen', address }, () =>
        Promise.reject(Object.assign(new Error('unknown'), { code })),
      )
    await expect(failing('127.0.0.1:80', 'EACCES')).rejects.toThrow(
      /^admin\.listen: cannot listen on 127\.0\.0\.1:80: ports below 1024 are for root; .* \(--admin-listen; EACCES\)$/,
    )
    await expect(failing('127.0.0.1:8080', 'EACCES')).rejects.toThrow(
      /: it is not permitted; look at the rules/,
    )
    await expect(failing('127.0.0.1:80', 'EOTHER')).rejects.toThrow(/^unknown$/)
  })

  it('exits 1 on a store that cannot be opened, and says why', async () => {
    expect(await runCli(['serve', '--store', 'lmdb:/dev/null/store'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^error: .*\/dev\/null\/store/),
    })
  })
})

/** Resolves once the server accepts no more connections. */
async function refused(url: string): Promise<void> {
  for (;;) {
    const client = await Client.greeted(url).catch(() => undefined)
    if (client === undefined) return
    client.close()
  }
}
