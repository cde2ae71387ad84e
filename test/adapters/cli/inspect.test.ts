/** `inspect`: the fields of a key package event, and the outcome of every check on it. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from '@jest/globals'
import { runWarm } from '../../support/cli.ts'
import { mdkEvent } from '../../support/generations.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'
import { scratch } from '../../support/scratch.ts'

const alice = person('alice')
const keyPackage = await makeKeyPackage(alice)
const good = keyPackageEvent(alice, keyPackage)
const withoutLastResort = keyPackageEvent(alice, await makeKeyPackage(alice, { lastResort: null }), {
  tags: { mls_extensions: ['0xf2ee'] },
})
const REQUIRING = ['--validation-require-last-resort', 'true']
const REFUSAL = 'invalid: neither the mls_extensions tag nor the KeyPackage says last_resort (0x000a)'

function inspect(events: readonly unknown[], ...flags: readonly string[]) {
  const input = events.map((event) => (typeof event === 'string' ? event : JSON.stringify(event))).join('\n')
  return runWarm(['inspect', '-', '--at', String(NOW), ...REQUIRING, ...flags], { input })
}

describe('inspect', () => {
  it('prints the fields and each check of an event that would be accepted, and exits 0', async () => {
    const { code, stdout, stderr } = await inspect([good])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(new RegExp(`^id +${good.id}$`, 'm'))
    expect(stdout).toMatch(/^created_at +1700000000 \(2023-11-14T22:13:20\.000Z\)$/m)
    expect(stdout).toMatch(/^ciphersuite +0x0001$/m)
    expect(stdout).toMatch(/^MLS signatures +passed$/m)
    expect(stdout).toMatch(/\nIt would be accepted\.\n$/)
  })

  it('names the check that fails, runs the others too, and exits 1', async () => {
    const { code, stdout } = await inspect([withoutLastResort])
    expect(code).toBe(1)
    expect(stdout.replaceAll(/ +/g, ' ')).toContain(`\nlast_resort refused ${REFUSAL}\n`)
    expect(stdout).toMatch(/^MLS signatures +passed$/m)
    expect(stdout).toContain(`\nIt would be refused: ${REFUSAL}\n`)
  })

  it('applies the validation settings', async () => {
    expect(await inspect([withoutLastResort], '--validation-require-last-resort', 'false')).toMatchObject({
      code: 0,
    })
    const { stdout } = await inspect([good], '--validation-mls', 'decode')
    expect(stdout).toMatch(/^MLS signatures +skipped$/m)
  })

  it('says for each generation whether its receivers accept the event, and why not', async () => {
    const slot = await mdkEvent(alice)
    const { code, stdout } = await inspect([good, slot])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^clients of nip-ee +accept$/m)
    expect(stdout).toMatch(/^clients of marmot +refuse +its clients ask for kind 30443 alone$/m)
    expect(stdout).toMatch(/^clients of nip-ee +refuse +its clients ask for kind 443 alone$/m)
    expect(stdout).toMatch(
      /^clients of mip-00 +refuse +the tag \["encoding","base64"\] is required; content must be /m,
    )
    expect(stdout).toMatch(/^clients of marmot +accept$/m)
    const { receivers } = JSON.parse((await inspect([slot], '--json')).stdout)
    expect(receivers[0]).toEqual({
      generation: 'nip-ee',
      accepted: false,
      reasons: ['its clients ask for kind 443 alone'],
    })
    expect(receivers[2]).toEqual({ generation: 'marmot', accepted: true, reasons: [] })
  })

  it('asks receivers whatever the settings refuse', async () => {
    const slot = await mdkEvent(alice)
    const { code, stdout } = await inspect([slot], '--kinds', '443', '--json')
    expect(code).toBe(1)
    expect(JSON.parse(stdout).receivers[2]).toMatchObject({ generation: 'marmot', accepted: true })
  })

  it('checks as of now unless --at is given', async () => {
    const { code, stdout } = await runWarm(['inspect', '-'], { input: JSON.stringify(good) })
    expect(code).toBe(1)
    expect(stdout).toContain('It would be refused: invalid: ')
  })

  it('reads what `export` prints', async () => {
    expect(await inspect([{ event: good }])).toEqual(await inspect([good]))
  })

  it('reads several events, one per line, and prints a JSON object for each with --json', async () => {
    const { code, stdout } = await inspect([good, withoutLastResort], '--json')
    const reports = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(code).toBe(1)
    expect(reports).toMatchObject([
      {
        accepted: true,
        fields: {
          id: good.id,
          kind: 443,
          author: alice.pubkey,
          created_at: NOW,
          encoding: 'base64',
          bytes: keyPackage.bytes.length,
          ciphersuite: '0x0001',
          identity: alice.pubkey,
          last_resort: true,
        },
      },
      { accepted: false, message: REFUSAL, fields: { id: withoutLastResort.id } },
    ])
    expect(reports[1].checks).toContainEqual({ check: 'last_resort', outcome: 'refused', message: REFUSAL })
  })

  it.each([
    ['no fields of an event', {}, 'invalid: id must be 64 lower-case hex characters'],
    ['no object', [1], 'invalid: an event must be a JSON object'],
    [
      'no KeyPackage',
      keyPackageEvent(alice, keyPackage, { content: 'AAAA' }),
      expect.stringMatching(/^invalid: not an MLS KeyPackage/),
    ],
    [
      'changed content',
      { ...good, content: withoutLastResort.content.replace('A', 'B') },
      expect.stringMatching(/^invalid: the id is not/),
    ],
  ])('refuses an event with %s (I9)', async (_, event, message) => {
    const { code, stdout } = await inspect([event], '--json')
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ accepted: false, message })
  })

  it('prints no control characters from an event, and nothing that turns a line around; as JSON it escapes them', async () => {
    const event = keyPackageEvent(alice, keyPackage, { tags: { relays: ['\u001b[2J\u009b2J\u202e'] } })
    const { stdout } = await inspect([event])
    expect(stdout).toMatch(/^relays +\ufffd\[2J\ufffd2J\ufffd$/m)
    const json = (await inspect([event], '--json')).stdout
    expect(json).not.toMatch(/[\u0080-\u009f\u202e]/)
    expect(JSON.stringify(JSON.parse(json))).toContain('\\u001b[2J\u009b2J\u202e')
  })

  it.each([
    ['input that is not JSON', 'error: line 2 is not JSON', ['-'], `${JSON.stringify(good)}\n{oops`],
    [
      'a file that does not exist',
      'error: cannot read absent.json: there is no such file',
      ['absent.json'],
      '',
    ],
    [
      'an invalid time',
      'error: --at <seconds>: "noon" is not allowed. It must be a whole number of seconds',
      ['-', '--at', 'noon'],
      '',
    ],
  ])('exits 2 on %s', async (_, problem, args, input) => {
    const { code, stdout, stderr } = await runWarm(['inspect', ...args], { input })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr.startsWith(problem)).toBe(true)
  })

  it('exits 2 on a small file that unpacks to a large one (I9)', async () => {
    const file = join(scratch(), 'bomb.json.gz')
    writeFileSync(file, gzipSync(Buffer.alloc(100_000_000, ' '), { level: 1 }))
    expect(await runWarm(['inspect', file])).toEqual({
      code: 2,
      stdout: '',
      stderr: `error: ${file} holds more than 67108864 characters\n`,
    })
  })

  it('exits 2 on empty input', async () => {
    expect(await inspect([])).toEqual({ code: 2, stdout: '', stderr: 'error: no event in -\n' })
  })
})
