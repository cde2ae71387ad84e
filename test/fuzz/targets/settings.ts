/** The file with settings, and `KPG_*` variables after a line `%%`: either settings come of them, or an error for people. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadSettings } from '../../../adapters/cli/settings.ts'
import { hostAndPort } from '../../../adapters/cli/settings-schema.ts'
import { resolveOptions } from '../../../plugin/options.ts'
import { SettingsError } from '../../../plugin/settings.ts'
import { scratch } from '../../support/scratch.ts'
import { demand, type Target } from '../target.ts'

const PASSWORD = 'hunter2'
const file = join(scratch(), 'gateway.yaml')

export const target: Target = {
  name: 'settings',
  seeds: [
    '',
    'profile: marmot\nlisten: 127.0.0.1:1\nquota:\n  perAuthor:\n    max: 2\n%%\nKPG_STORE=memory:',
    `store: redis://user:${PASSWORD}@localhost\nkinds: [443, 30443]\nserver: {maxConnections: 0}`,
    `store: redis+cluster://:${PASSWORD}@[::1]:1,h:2/0\nredis:\n  keyPrefix: x\nx: 1`,
    'proxy:\n  trust: ["127.0.0.1", 10.0.0.0/8]\nupstream: ws://localhost:7777\n%%\nKPG_PROXY_TRUST=::1, x',
    'log: &a [*a]',
    'quota: &a {perAuthor: *a}',
    'a: &a [*a, *a]\nb: !!js/function x\n? [x]\n: 1\n--- \n...',
    'publicUrl: wss://relay.example.com/x\nadmin:\n  pubkeys: [npub1x]\n  listen: none\nlog: {level: silent}',
    '%%\nKPG_QUOTA_PER_AUTHOR_MAX=-1\nKPG_PORT_1=tcp://1\nKPG_SERVICE_HOST=x\nKPG_NOTHING=1',
  ].map((text) => Buffer.from(text)),
  words: [
    ...[
      'profile',
      'store',
      'listen',
      'quota',
      'kinds',
      'server',
      'upstream',
      'memory:',
      'lmdb:',
      'redis://',
      'KPG_',
      '%%\n',
    ],
    ...[
      '__proto__: {x: 1}',
      'constructor',
      '<<: *a',
      '&a',
      '*a',
      '!!binary',
      '!!set',
      '0x1f',
      '.inf',
      '1e999',
      '- ',
      '? ',
      '|\n ',
    ],
  ],
  shortRun: 60,
  run(input) {
    const [yaml = '', variables = ''] = input.toString().split('%%\n')
    writeFileSync(file, yaml)
    const named = variables.split('\n').filter((line) => /^[A-Z\d_]+=/.test(line))
    const env = Object.fromEntries(named.map((line) => line.split(/=(.*)/s, 2)))
    try {
      const { listen, ...settings } = loadSettings({ file, env, flags: {} })
      demand(Number.isInteger(hostAndPort(listen).port), 'an address without a port', listen)
      const { profile, kinds } = settings
      resolveOptions({ profile, kinds })
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      demand(
        error.problems.length > 0 && error.problems.every((problem) => problem !== ''),
        'no reason',
        error,
      )
      if (isInAddressesOnly(input.toString()))
        demand(!error.problems.join().includes(PASSWORD), 'a password is shown', error.problems)
    }
    demand(!('x' in Object.prototype), 'the prototype is polluted', input.toString())
  },
}

function isInAddressesOnly(text: string): boolean {
  return !text.replaceAll(new RegExp(`rediss?(\\+[a-z]+)?://[a-z]*:${PASSWORD}@`, 'g'), '').includes(PASSWORD)
}
