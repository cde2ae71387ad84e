/** Settings: which source wins, what they are called, and what is said of a wrong one. */

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

/** What is said of settings that are wrong, a line for each. */
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

  it('rise from the file to the environment to flags', () => {
    expect(load({ file }).quota.perAuthor.max).toBe(2)
    expect(load({ file, env }).quota.perAuthor.max).toBe(3)
    expect(load({ file, env, flags }).quota.perAuthor.max).toBe(4)
    expect(load({ file, env, flags })).toMatchObject({ listen: '127.0.0.1:2', store: 'memory:' })
  })

  it('leave everything else at its default', () => {
    expect(load({})).toMatchObject({
      profile: 'nip-ee-relay',
      store: 'lmdb:./data/keypackages',
      listen: '127.0.0.1:7447',
      server: { maxMessageBytes: 524_288 },
      log: { level: 'info' },
    })
    expect(load({ file: yaml('') }).quota.perAuthor.max).toBe(10)
  })

  it('change the defaults of their profile only', () => {
    expect(load({ env: { KPG_PROFILE: 'marmot' } })).toMatchObject({
      kinds: [443, 30443],
      delivery: { encoding: 'as-published' },
      claim: { redeliverySeconds: 60 },
    })
    expect(
      load({ env: { KPG_PROFILE: 'marmot' }, flags: { '--delivery-encoding': 'hex' } }).delivery.encoding,
    ).toBe('hex')
  })

  it('read lists, numbers and words', () => {
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
  it('follow from the path', () => {
    const names = namedLeaves().map(({ path, variable, flag }) => [path.join('.'), variable, flag])
    expect(names).toContainEqual([
      'quota.perAuthor.max',
      'KPG_QUOTA_PER_AUTHOR_MAX',
      '--quota-per-author-max',
    ])
    expect(names).toContainEqual(['publicUrl', 'KPG_PUBLIC_URL', '--public-url'])
  })

  it('are each given once, and say what they are for', () => {
    const leaves = namedLeaves()
    expect(new Set(leaves.map(({ flag }) => flag)).size).toBe(leaves.length)
    expect(leaves.filter(({ description }) => description === '')).toEqual([])
  })
})

describe('a wrong setting', () => {
  it('is named with its path, value, what is allowed and where it was written', () => {
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

  it('is refused, not guessed at', () => {
    for (const value of ['', ' 5', '5s', '0x5', '1e3', 'NaN']) {
      expect(problemsOf({ env: { KPG_STOCK_MAX: value } })).toHaveLength(1)
    }
    for (const value of ['yes', '1', 'TRUE', '']) {
      expect(problemsOf({ env: { KPG_REPLENISH_ENABLED: value } })).toHaveLength(1)
    }
  })

  it.each(['localhost', '127.0.0.1', ':80', '127.0.0.1:65536', '::1:80', 'a b:80'])(
    'is a listen address like %j',
    (listen) => {
      expect(problemsOf({ flags: { '--listen': listen } })).toEqual([
        `listen: "${listen}" is not allowed; expected a string such as 127.0.0.1:7447 (flag --listen)`,
      ])
    },
  )

  it('is a store nobody knows, whose password is not shown', () => {
    const [problem] = problemsOf({ flags: { '--store': 'mysql://kpg:p@ss/word@db.example.com/0' } })
    expect(problem).toContain('"mysql://***@db.example.com/0" is not allowed')
    expect(problem).not.toContain('word')
  })

  it.each([
    ['quotas: {}', /^quotas: unknown setting; known settings: profile, kinds, /],
    [
      'quota: { perauthor: { max: 1 } }',
      /^quota\.perauthor: unknown setting; known settings: perAuthor, perAddress, /,
    ],
    ['quota: 5', /^quota: 5 is not allowed; expected perAuthor, perAddress, /],
    ['- 1', /must hold settings by name/],
    ['a: [', /cannot be read as YAML/],
  ])('is found in a file that says %j', (text, problem) => {
    expect(problemsOf({ file: yaml(text) })).toEqual([expect.stringMatching(problem)])
  })

  it('is found in a file even where a flag goes below it', () => {
    const sources = { file: yaml('quota: 5'), flags: { '--quota-per-author-max': '4' } }
    expect(problemsOf(sources)).toEqual([expect.stringMatching(/^quota: 5 is not allowed/)])
  })

  it('is a file that is not there', () => {
    expect(problemsOf({ file: join(folder, 'absent.yaml') })).toEqual([
      expect.stringMatching(/absent\.yaml: cannot be read as YAML: ENOENT/),
    ])
  })

  it('is an environment variable nobody knows', () => {
    expect(problemsOf({ env: { KPG_LOG_LEVLE: 'info' } })).toEqual([
      'KPG_LOG_LEVLE: unknown setting; known settings: KPG_LOG_LEVEL',
    ])
  })
})
