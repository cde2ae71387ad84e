/** Settings: the order of sources, their names, and the error for a wrong one. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { loadSettings, namedLeaves, type Sources } from '../../../adapters/cli/settings.ts'
import { hostAndPort } from '../../../adapters/cli/settings-schema.ts'
import { SettingsError } from '../../../plugin/settings.ts'
import { scratch } from '../../support/scratch.ts'

const folder = scratch()

let files = 0
function yaml(text: string): string {
  files += 1
  const file = join(folder, `${files}.yaml`)
  writeFileSync(file, text)
  return file
}

function load(sources: Partial<Sources>) {
  return loadSettings({ env: {}, flags: {}, ...sources })
}

/** One line for each wrong setting. */
function problemsOf(sources: Partial<Sources>): readonly string[] {
  try {
    load(sources)
  } catch (error) {
    if (error instanceof SettingsError) return error.problems
    throw error
  }
  return []
}

describe('sources', () => {
  const file = yaml('quota:\n  perAuthor:\n    max: 2\nlisten: 127.0.0.1:1\nstore: "memory:"\n')
  const env = { KPG_QUOTA_PER_AUTHOR_MAX: '3', KPG_LISTEN: '127.0.0.1:2', HOME: '/nowhere' }
  const flags = { '--quota-per-author-max': '4' }

  it('override each other: the environment the file, and flags the environment', () => {
    expect(load({ file }).quota.perAuthor.max).toBe(2)
    expect(load({ file, env }).quota.perAuthor.max).toBe(3)
    expect(load({ file, env, flags }).quota.perAuthor.max).toBe(4)
    expect(load({ file, env, flags })).toMatchObject({ listen: '127.0.0.1:2', store: 'memory:' })
  })

  it('leave other settings at their defaults', () => {
    expect(load({})).toMatchObject({
      profile: 'mixed',
      store: 'lmdb:./data/keypackages',
      listen: '127.0.0.1:7447',
      server: { maxPendingMessages: 64 },
      log: { level: 'info' },
    })
    expect(load({ file: yaml('') }).quota.perAuthor.max).toBe(10)
  })

  it('keep explicit settings over the defaults of a profile', () => {
    expect(load({ env: { KPG_PROFILE: 'nip-ee-relay' } })).toMatchObject({
      kinds: [443],
      delivery: { encoding: 'hex' },
      claim: { redeliverySeconds: 0 },
    })
    expect(
      load({ env: { KPG_PROFILE: 'nip-ee-relay' }, flags: { '--delivery-encoding': 'base64' } }).delivery
        .encoding,
    ).toBe('base64')
  })

  it('may be lists, numbers, booleans and text', () => {
    const settings = load({
      env: { KPG_KINDS: '443, 30443', KPG_VALIDATION_REQUIRE_LAST_RESORT: 'false' },
      flags: { '--validation-ciphersuites': '1,2', '--server-name': '42' },
    })
    expect(settings.kinds).toEqual([443, 30443])
    expect(settings.validation).toMatchObject({ requireLastResort: false, ciphersuites: [1, 2] })
    expect(settings.server.name).toBe('42')
  })
})

describe('names', () => {
  it('are derived from the path', () => {
    const names = namedLeaves().map(({ path, variable, flag }) => [path.join('.'), variable, flag])
    expect(names).toContainEqual([
      'quota.perAuthor.max',
      'KPG_QUOTA_PER_AUTHOR_MAX',
      '--quota-per-author-max',
    ])
    expect(names).toContainEqual(['publicUrl', 'KPG_PUBLIC_URL', '--public-url'])
  })

  it('are unique, and every setting has a description', () => {
    const leaves = namedLeaves()
    expect(new Set(leaves.map(({ flag }) => flag)).size).toBe(leaves.length)
    expect(leaves.filter(({ description }) => description === '')).toEqual([])
  })
})

describe('a wrong setting', () => {
  it('is reported with its path, value, allowed values and source', () => {
    expect(problemsOf({ env: { KPG_QUOTA_PER_AUTHOR_MAX: '0' } })).toEqual([
      'quota.perAuthor.max: 0 is not allowed; expected an integer from 1 to 10000 (environment variable KPG_QUOTA_PER_AUTHOR_MAX)',
    ])
    expect(problemsOf({ flags: { '--delivery-encoding': 'base58' } })).toEqual([
      'delivery.encoding: "base58" is not allowed; expected hex or base64 or as-published (flag --delivery-encoding)',
    ])
    const file = yaml('stock:\n  max: many\n')
    expect(problemsOf({ file })).toEqual([
      `stock.max: "many" is not allowed; expected an integer from 1 to 1000 (${file})`,
    ])
  })

  it('is refused rather than interpreted', () => {
    for (const value of ['', ' 5', '5s', '0x5', '1e3', 'NaN']) {
      expect(problemsOf({ env: { KPG_STOCK_MAX: value } })).toHaveLength(1)
    }
    for (const value of ['yes', '1', 'TRUE', '']) {
      expect(problemsOf({ env: { KPG_REPLENISH_ENABLED: value } })).toHaveLength(1)
    }
  })

  it.each([
    ['localhost', '; the port is missing: write localhost:7447'],
    ['127.0.0.1', '; the port is missing: write 127.0.0.1:7447'],
    [':80', '; it names no host: write 127.0.0.1:80 for this machine alone, or 0.0.0.0:80 for every network'],
    [
      '*:80',
      '; it names no host: write 127.0.0.1:80 for this machine alone, or 0.0.0.0:80 for every network',
    ],
    ['127.0.0.1:65536', '; a port is from 0 to 65535'],
    ['70000', '; a port is from 0 to 65535'],
    ['::1:80', '; an IPv6 address is in brackets: write [::1]:80'],
    ['::1', '; an IPv6 address is in brackets: write [::1]:7447'],
    ['ws://127.0.0.1:7447', '; leave out ws://, and write 127.0.0.1:7447'],
    ['a b:80', ''],
  ])('may be a listen address such as %j, with what to write instead', (listen, hint) => {
    const expected = 'is not allowed; expected a string such as 127.0.0.1:7447 or 7447'
    expect(problemsOf({ flags: { '--listen': listen } })).toEqual([
      `listen: "${listen}" ${expected}${hint} (flag --listen)`,
    ])
  })

  it.each([
    ['store', '/var/lib/x', 'for a directory write lmdb:/var/lib/x'],
    ['store', './data', 'for a directory write lmdb:./data'],
    ['store', '~/data', '"~" is not expanded here: write lmdb:$HOME/data'],
    ['store', 'lmdb:~/data', '"~" is not expanded here: write lmdb:$HOME/data'],
    ['store', 'lmdb:', 'the path is missing: write lmdb:./data/keypackages'],
    ['store', 'file:///var/lib/x', 'for a directory write lmdb:/var/lib/x'],
    ['store', 'memory', 'write memory: with its colon'],
    ['store', 'redis:localhost', 'write redis://localhost'],
    ['store', 'cache:6379', 'for Redis write redis://cache:6379'],
    ['upstream', 'http://127.0.0.1:7777', 'write ws://127.0.0.1:7777'],
    ['upstream', '127.0.0.1:7777', 'write ws://127.0.0.1:7777'],
    ['publicUrl', 'relay.example.com', 'write wss://relay.example.com'],
    ['publicUrl', 'https://relay.example.com', 'write wss://relay.example.com'],
  ])('may be a %s such as %j, with what to write instead', (path, value, hint) => {
    const flag = `--${path === 'publicUrl' ? 'public-url' : path}`
    expect(problemsOf({ flags: { [flag]: value } })).toEqual([
      expect.stringMatching(/^\w+: ".*" is not allowed; expected a .*/),
    ])
    expect(problemsOf({ flags: { [flag]: value } })[0]).toContain(`; ${hint} (flag ${flag})`)
  })

  it('never shows a password, also where the address is wrong', () => {
    const [problem] = problemsOf({ flags: { '--store': 'redis:kpg:secret@cache' } })
    expect(problem).toContain('redis:***@cache')
    expect(problem).not.toContain('secret')
  })

  it('may be an unknown kind of store, whose password is not shown', () => {
    const [problem] = problemsOf({ flags: { '--store': 'mysql://kpg:p@ss/word@db.example.com/0' } })
    expect(problem).toContain('"mysql://***@db.example.com/0" is not allowed')
    expect(problem).not.toContain('word')
  })

  it.each([
    ['quotas: {}', /^quotas: unknown setting; expected profile, kinds, relayLists, /],
    [
      'quota: { perauthor: { max: 1 } }',
      /^quota\.perauthor: unknown setting; expected perAuthor, perAddress, /,
    ],
    ['quota: 5', /^quota: 5 is not allowed; expected perAuthor, perAddress, /],
    ['- 1', /must be a mapping of settings/],
    ['log: &a [*a]', /an alias \(\*\) refers to a node that contains it/],
    ['quota: &a {perAuthor: *a}', /an alias \(\*\) refers to a node that contains it/],
  ])('is reported for a file that contains %j', (text, problem) => {
    expect(problemsOf({ file: yaml(text) })).toEqual([expect.stringMatching(problem)])
  })

  it('is reported for a file even where a flag sets something below it', () => {
    const sources = { file: yaml('quota: 5'), flags: { '--quota-per-author-max': '4' } }
    expect(problemsOf(sources)).toEqual([expect.stringMatching(/^quota: 5 is not allowed/)])
  })

  it.each([
    ['a missing bracket', 'quota: [', /at line 1, column 9:\nquota: \[\n {8}\^$/],
    ['a key that is there twice', 'kinds: [443]\nkinds: [30443]', /unique at line 2, column 1:\n/],
    ['several documents', 'kinds: [443]\n---\nkinds: [30443]', /several documents; leave out the "---"/],
  ])('may be a file with %s, shown without empty lines', (_, text, fault) => {
    const file = yaml(text)
    const [problem = '', ...others] = problemsOf({ file })
    expect(others).toEqual([])
    expect(problem).toMatch(fault)
    expect(problem.startsWith(`${file}: cannot read it as YAML: `)).toBe(true)
    expect(problem.split('\n').filter((line) => line.trim() === '')).toEqual([])
  })

  it('may be a file with a fault beside a password, which is not shown', () => {
    const [problem] = problemsOf({ file: yaml('store: [redis://kpg:secret@cache') })
    expect(problem).toContain('redis://***@cache')
    expect(problem).not.toContain('secret')
  })

  it('may be a file with a fault beside the password of Sentinels, which is not shown', () => {
    const [problem] = problemsOf({ file: yaml('redis: { sentinel: { password: "se 5550123" } ') })
    expect(problem).toMatch(/cannot read it as YAML/)
    expect(problem).not.toContain('5550123')
  })

  it('is a client certificate without its key', () => {
    expect(problemsOf({ env: { KPG_REDIS_TLS_CERT: 'cert.pem' } })).toEqual([
      expect.stringContaining('redis.tls.cert and redis.tls.key together, or neither'),
    ])
  })

  it.each([
    ['does not exist', 'absent.yaml', 'there is no such file'],
    ['is a directory', '.', 'it is a directory'],
    ['lies below a file', '1.yaml/below', 'a part of its path is not a directory'],
  ])('may be a file that %s', (_, name, why) => {
    const file = join(folder, name)
    expect(problemsOf({ file })).toEqual([`${file}: cannot read the file with settings: ${why}`])
  })

  it.each([
    ['KPG_LOG_LEVLE', 'KPG_LOG_LEVEL'],
    ['KPG_LISTN', 'KPG_LISTEN'],
    ['KPG_PUBLICURL', 'KPG_PUBLIC_URL'],
    ['KPG_CONFG', 'KPG_CONFIG'],
    ['KPG_LOG', 'KPG_LOG_LEVEL'],
  ])('may be an environment variable such as %s, for %s', (name, meant) => {
    expect(problemsOf({ env: { [name]: 'x' } })).toEqual([`${name}: unknown setting; expected ${meant}`])
  })

  it('may be a variable that is like no other', () => {
    expect(problemsOf({ env: { KPG_FLAVOUR: 'sweet' } })).toEqual([
      expect.stringMatching(/^KPG_FLAVOUR: unknown setting; expected KPG_ and the name of a flag of /),
    ])
  })
})

describe('text that YAML takes for a number', () => {
  it('is text where a setting is text, such as a port or a name', () => {
    const settings = load({ file: yaml('listen: 8080\nserver: { name: 42 }\nadmin: { listen: 9000 }') })
    expect(settings).toMatchObject({ listen: '8080', server: { name: '42' }, admin: { listen: '9000' } })
    expect(problemsOf({ file: yaml('profile: 42\nserver: { name: 4.2 }') })).toHaveLength(2)
  })
})

describe('a listen address', () => {
  it.each([
    ['7447', '127.0.0.1', 7447],
    ['0', '127.0.0.1', 0],
    ['0.0.0.0:80', '0.0.0.0', 80],
    ['[::1]:80', '::1', 80],
    ['localhost:80', 'localhost', 80],
  ])('%j is host %s and port %i', (text, host, port) => {
    expect(hostAndPort(load({ flags: { '--listen': text } }).listen)).toEqual({ host, port })
  })
})

describe('variables that a container platform sets', () => {
  const link = 'tcp://10.96.0.7:7447'
  const kubernetes = {
    KPG_SERVICE_HOST: '10.96.0.7',
    KPG_SERVICE_PORT: '7447',
    KPG_SERVICE_PORT_WS: '7447',
    KPG_PORT: link,
    KPG_PORT_7447_TCP: link,
    KPG_PORT_7447_TCP_PROTO: 'tcp',
    KPG_PORT_7447_TCP_PORT: '7447',
    KPG_PORT_7447_TCP_ADDR: '10.96.0.7',
  }

  it.each<[string, Record<string, string>]>([
    ['Kubernetes for a Service named kpg', kubernetes],
    ['Kubernetes for a Service named kpg-redis', renamed(kubernetes, 'KPG_REDIS_')],
    ['Kubernetes for a Service with a UDP port', { KPG_PORT_53_UDP: 'udp://10.96.0.7:53' }],
    [
      'Docker for a container linked as kpg',
      { KPG_PORT: link, KPG_NAME: '/web/kpg', KPG_ENV_NODE_VERSION: '22' },
    ],
  ])('are ignored: %s', (_, env) => {
    expect(load({ env: { ...env, KPG_LISTEN: '1234' } }).listen).toBe('1234')
  })

  it.each([
    ['KPG_PORT', '7447'],
    ['KPG_REDIS_PORT', '6379'],
    ['KPG_NAME', 'My relay'],
    ['KPG_PORT_7447_TCP', 'yes'],
  ])('are not what somebody wrote as a setting: %s=%s', (name, value) => {
    expect(problemsOf({ env: { [name]: value } })).toEqual([
      expect.stringContaining(`${name}: unknown setting`),
    ])
  })
})

describe('KPG_CONFIG', () => {
  it('names a file, as --config does, which overrides it', () => {
    const [first, second] = [yaml('listen: 127.0.0.1:1'), yaml('listen: 127.0.0.1:2')]
    expect(load({ env: { KPG_CONFIG: first } }).listen).toBe('127.0.0.1:1')
    expect(load({ env: { KPG_CONFIG: first }, file: second }).listen).toBe('127.0.0.1:2')
    expect(load({ env: { KPG_CONFIG: first, KPG_LISTEN: '127.0.0.1:3' } }).listen).toBe('127.0.0.1:3')
  })

  it('may not be empty', () => {
    expect(problemsOf({ env: { KPG_CONFIG: '' } })).toEqual([
      'KPG_CONFIG: it is empty; expected the path of a YAML file',
    ])
  })
})

function renamed(env: Record<string, string>, prefix: string): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name.replace('KPG_', prefix), value]))
}
