/** How settings of any schema are described and checked. */

import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { leavesOf, parseSettings, SettingsError } from '../../plugin/settings.ts'

const schema = z.strictObject({
  size: z.number().int().min(1).max(9).default(3).describe('How large'),
  door: z.strictObject({ open: z.boolean().default(false).describe('Whether it is open') }).prefault({}),
  colours: z
    .array(z.enum(['red', 'blue']))
    .default(['red'])
    .describe('Which colours'),
  address: z.url().optional().describe('Where it stands'),
})

describe('leavesOf a schema', () => {
  it('lists its settings in order, with the allowed values in words', () => {
    expect(leavesOf(schema)).toEqual([
      {
        path: ['size'],
        description: 'How large',
        defaultValue: 3,
        allowed: 'an integer from 1 to 9',
        type: 'number',
        choices: [],
      },
      {
        path: ['door', 'open'],
        description: 'Whether it is open',
        defaultValue: false,
        allowed: 'true or false',
        type: 'boolean',
        choices: [],
      },
      {
        path: ['colours'],
        description: 'Which colours',
        defaultValue: ['red'],
        allowed: 'a list of red or blue',
        type: 'list',
        items: 'string',
        choices: ['red', 'blue'],
      },
      {
        path: ['address'],
        description: 'Where it stands',
        defaultValue: undefined,
        allowed: 'a URL such as wss://relay.example.com',
        type: 'string',
        choices: [],
      },
    ])
  })
})

describe('parseSettings', () => {
  it('fills in the defaults', () => {
    expect(parseSettings(schema, { size: 4 })).toEqual({ size: 4, door: { open: false }, colours: ['red'] })
  })

  it('reports each invalid setting on a line of its own', () => {
    const problems = [
      'size: 10 is not allowed; expected an integer from 1 to 9',
      'door.closed: unknown setting; expected open',
      'colours: ["green"] is not allowed; expected a list of red or blue',
    ]
    const parse = () => parseSettings(schema, { size: 10, door: { closed: true }, colours: ['green'] })
    expect(parse).toThrow(new SettingsError(problems))
    expect(new SettingsError(problems).problems).toEqual(problems)
  })

  it.each([[null], [undefined], [7], ['text'], [[]]])('refuses %j, which is not an object', (input) => {
    const why = `settings: ${JSON.stringify(input)} is not allowed; expected size, door, colours, address`
    expect(() => parseSettings(schema, input)).toThrow(new SettingsError([why]))
  })
})
