/** The operator's own plugin behind ours: real processes that answer, print garbage, hang and exit. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import {
  OperatorPolicy,
  type OperatorPolicySettings,
} from '../../../../adapters/relays/strfry/operator-policy.ts'
import { readQuestion } from '../../../../adapters/relays/strfry/protocol.ts'
import { type TestLog, testLog } from '../../../support/log.ts'
import { scratch } from '../../../support/scratch.ts'
import { questionAbout } from '../../../support/strfry.ts'

const unavailable = (why: string) => ({
  action: 'reject',
  message: `error: this relay's write policy is unavailable (${why}), try again later`,
})
const SILENT = unavailable('it gave no valid answer in time')
const EXITED = unavailable('it has ended')
const NOT_STARTED = unavailable('it cannot be started')
const ACCEPTED = { action: 'accept', message: '' }

const folder = scratch()
let files = 0
let started: OperatorPolicy[] = []
afterEach(async () => {
  await Promise.all(started.map((policy) => policy.close()))
  started = []
})

describe('an answer', () => {
  it('is passed on unchanged', async () => {
    const { ask } = start(`answer({ id, action: 'reject', msg: 'blocked: ' + event.content })`)
    expect(await ask('one')).toEqual({ action: 'reject', message: 'blocked: one' })
    expect(await ask('two')).toEqual({ action: 'reject', message: 'blocked: two' })
  })

  it('needs no message', async () => {
    const { ask } = start(`answer({ id, action: 'shadowReject' })`)
    expect(await ask('one')).toEqual({ action: 'shadowReject', message: '' })
  })

  it('is found by its id among other output, none of which is logged (I4)', async () => {
    const { ask, log } = start(`
      console.log('secret words')
      console.log('{"secret":')
      answer({ id: 'another', action: 'reject', msg: 'secret' })
      answer({ id, action: 'accept' })`)
    expect(await ask('one')).toEqual(ACCEPTED)
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(3)
    expect(JSON.stringify(log.lines)).not.toMatch(/secret/)
  })

  it('may arrive in pieces', async () => {
    const { ask } = start(`
      const text = JSON.stringify({ id, action: 'accept' }) + '\\n'
      for (const character of text) process.stdout.write(character)`)
    expect(await ask('one')).toEqual(ACCEPTED)
  })

  it('with an action that strfry does not know ends the process, as it would with strfry', async () => {
    const { ask, pass } = start(`answer({ id, action: event.content, run })`)
    expect(await ask('approve')).toEqual(SILENT)
    pass(100)
    expect(await ask('accept')).toEqual(ACCEPTED)
  })

  it('that never ends is not waited for (I9)', async () => {
    const { ask } = start(`process.stdout.write('x'.repeat(10_000))`, { timeoutMs: 60_000 })
    expect(await ask('one')).toEqual(EXITED)
  })
})

describe('while it cannot answer, events are rejected, never accepted', () => {
  it('when it hangs: after the timeout, and the next process answers', async () => {
    const { ask, pass } = start(`if (event.content !== 'hang') answer({ id, action: 'accept' })`, {
      timeoutMs: 2000,
    })
    expect(await ask('hang')).toEqual(SILENT)
    expect(await ask('at once')).toEqual(SILENT)
    pass(100)
    // How fast a process starts is not tested here.
    await expectSoon(ask, pass)
  })

  it('when it exits instead of answering', async () => {
    const { ask, pass } = start(
      `if (event.content === 'die') process.exit(3); answer({ id, action: 'accept' })`,
    )
    expect(await ask('one')).toEqual(ACCEPTED)
    expect(await ask('die')).toEqual(EXITED)
    pass(100)
    expect(await ask('two')).toEqual(ACCEPTED)
  })

  it.each([
    ['that does not exist', `${import.meta.dirname}/there-is-no-such-program`],
    ['that is not on PATH', 'there-is-no-such-program'],
    ['that is not executable', import.meta.filename],
    ['that is a directory', import.meta.dirname],
    ['below a file', `${import.meta.filename}/program`],
    ['with an interpreter that does not exist', file('#!/there/is/no/such/interpreter\n')],
    ['with a name that is empty', ''],
    ['with a name that no file has', 'a\0b'],
  ])(
    'when it is a program %s: the client and the log are told, and it is tried again',
    async (_, program) => {
      const { ask, pass, log } = start([program])
      for (let turn = 0; turn < 3; turn++) {
        expect(await ask('one')).toEqual(NOT_STARTED)
        pass(30_000)
      }
      expect(log.lines.filter(({ message }) => message === 'cannot start COMMAND')).toHaveLength(3)
      expect(log.lines.filter(({ level }) => level === 'error')).toEqual(
        Array(3).fill(expect.objectContaining({ fields: expect.objectContaining({ command: program }) })),
      )
    },
  )

  it('when it ends at once, until it is repaired', async () => {
    const program = file('#!/bin/sh\nexit 2\n')
    const { ask, pass } = start([program])
    expect(await ask('one')).toEqual(EXITED)
    writeFileSync(program, `#!/bin/sh\nread -r line; echo '{"id":"id of two","action":"accept"}'; cat >&2\n`)
    pass(100)
    expect(await ask('two')).toEqual(ACCEPTED)
  })

  it('with longer and longer pauses between starts, until it has answered', async () => {
    const { ask, pass, log } = start(
      `if (event.content === 'die') process.exit(); answer({ id, action: 'accept' })`,
    )
    const pauses = () => log.lines.flatMap(({ fields }) => fields.pauseMs ?? [])
    for (const pause of [100, 200, 400]) {
      expect(await ask('die')).toEqual(EXITED)
      pass(pause - 1)
      expect(await ask('die')).toEqual(EXITED)
      pass(1)
    }
    expect(pauses()).toEqual([100, 200, 400])
    expect(await ask('live')).toEqual(ACCEPTED)
    expect(await ask('die')).toEqual(EXITED)
    expect(pauses()).toEqual([100, 200, 400, 100])
  })

  it('with pauses of at most 30 seconds', async () => {
    const { ask, pass, log } = start(['/bin/false'])
    for (let turn = 0; turn < 12; turn++) {
      await ask('one')
      pass(30_000)
    }
    expect(log.lines.flatMap(({ fields }) => fields.pauseMs ?? []).slice(-3)).toEqual([
      30_000, 30_000, 30_000,
    ])
  })
})

describe('close', () => {
  it('lets it exit by itself', async () => {
    const { ask, policy, log } = start(`
      process.on('SIGTERM', () => setTimeout(() => process.exit(7), 50))
      // Otherwise it may end with its input, before the signal reaches it.
      setInterval(() => {}, 1000)
      answer({ id, action: 'accept' })`)
    await ask('one')
    await policy.close()
    expect(log.lines.at(-1)).toMatchObject({ fields: { code: 7 }, message: 'COMMAND has exited' })
  })

  it('kills it where it does not', async () => {
    const { ask, policy, log } = start(`
      process.on('SIGTERM', () => {})
      setInterval(() => {}, 1000)
      answer({ id, action: 'accept' })`)
    await ask('one')
    await policy.close()
    expect(log.lines.at(-1)?.message).toBe('COMMAND was killed')
  })

  it('resolves at once where no question was asked', async () => {
    await start(`answer({ id, action: 'accept' })`).policy.close()
  })
})

/** An executable file. */
function file(text: string): string {
  files += 1
  const path = join(folder, `${files}`)
  writeFileSync(path, text, { mode: 0o755 })
  return path
}

interface Started {
  readonly policy: OperatorPolicy
  readonly log: TestLog
  /** Asks about an event with this content. */
  ask(content: string): ReturnType<OperatorPolicy['decide']>
  /** Advances the policy's clock. */
  pass(milliseconds: number): void
}

/** `behaviour`: what the plugin does with each event, in JavaScript; or another program. */
function start(
  behaviour: string | readonly [program: string],
  settings: Partial<OperatorPolicySettings> = {},
): Started {
  const program = `
    const answer = (value) => console.log(JSON.stringify(value))
    const run = process.pid
    let rest = ''
    process.stdin.on('data', (chunk) => {
      const lines = (rest + chunk).split('\\n')
      rest = lines.pop()
      for (const line of lines) {
        const { event } = JSON.parse(line)
        const { id } = event
        ${behaviour}
      }
    })`
  const command: OperatorPolicySettings['command'] =
    typeof behaviour === 'string' ? [process.execPath, '-e', program] : behaviour
  let now = 0
  const log = testLog()
  const policy = new OperatorPolicy({ command, log, clock: () => now, ...settings })
  started.push(policy)
  return {
    policy,
    log,
    ask: (content) =>
      policy.decide(readQuestion(questionAbout({ id: `id of ${content}`, kind: 1, content }).trimEnd())),
    pass: (milliseconds) => {
      now += milliseconds
    },
  }
}

/** While a process is starting, a few events may still be rejected. */
async function expectSoon(ask: Started['ask'], pass: Started['pass']): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    const { action } = await ask('again')
    if (action === 'accept') return
    pass(30_000)
  }
  throw new Error('the policy never answered again')
}
