/** Settings: the order of sources, their names, and the error for a wrong one. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { loadSettings, namedLeaves, type Sources } from '../../../adapters/cli/settings.ts'
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
      server: { maxMessageBytes: 524_288 },
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

  it.each(['localhost', '127.0.0.1', ':80', '127.0.0.1:65536', '::1:80', 'a b:80'])(
    'may be a listen address such as %j',
    (listen) => {
      expect(problemsOf({ flags: { '--listen': listen } })).toEqual([
        `listen: "${listen}" is not allowed; expected a string such as 127.0.0.1:7447 (flag --listen)`,
      ])
    },
  )

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
    ['a: [', /cannot read it as YAML/],
  ])('is reported for a file that contains %j', (text, problem) => {
    expect(problemsOf({ file: yaml(text) })).toEqual([expect.stringMatching(problem)])
  })

  it('is reported for a file even where a flag sets something below it', () => {
    const sources = { file: yaml('quota: 5'), flags: { '--quota-per-author-max': '4' } }
    expect(problemsOf(sources)).toEqual([expect.stringMatching(/^quota: 5 is not allowed/)])
  })

  it('may be a file that does not exist', () => {
    expect(problemsOf({ file: join(folder, 'absent.yaml') })).toEqual([
      expect.stringMatching(/absent\.yaml: cannot read it as YAML: ENOENT/),
    ])
  })

  it('may be an unknown environment variable', () => {
    expect(problemsOf({ env: { KPG_LOG_LEVLE: 'info' } })).toEqual([
      'KPG_LOG_LEVLE: unknown setting; expected KPG_LOG_LEVEL',
    ])
  })
})
