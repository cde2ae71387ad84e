/** The built `strfry` command, run as strfry runs it: through a shell and a pipe, one event at a time. */

import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { lmdbStore } from '../../../../adapters/storage/lmdb.ts'
import { runCli } from '../../../support/cli.ts'
import { eventually } from '../../../support/eventually.ts'
import { keyPackageEvent, makeKeyPackage, signEvent } from '../../../support/key-packages.ts'
import { person } from '../../../support/people.ts'
import { startProcess } from '../../../support/processes.ts'
import { scratch } from '../../../support/scratch.ts'
import { Plugin, pluginCommand, questionAbout } from '../../../support/strfry.ts'

const alice = person('alice')
const UNAVAILABLE = 'error: key packages are unavailable, try again'

let directory: string
let store: string
beforeEach(() => {
  directory = scratch()
  store = join(directory, 'store')
})

const plugins: Plugin[] = []
afterEach(() => {
  for (const plugin of plugins.splice(0)) plugin.kill()
})

describe('the plugin', () => {
  it('stores key packages durably in the store that it shares with other processes (I6)', async () => {
    const event = await newKeyPackage()
    const plugin = start()
    expect(await plugin.ask(event)).toEqual({ id: event.id, action: 'shadowReject' })
    plugin.kill()
    expect(await stored()).toEqual([event.id])
    const again = {
      id: event.id,
      action: 'shadowReject',
      msg: 'duplicate: already received; it is not taken in again',
    }
    expect(await start().ask(event)).toEqual(again)
  })

  it('accepts other kinds without opening the store', async () => {
    const note = eventOf(1)
    expect(await start().ask(note)).toEqual({ id: note.id, action: 'accept' })
    expect(existsSync(store)).toBe(false)
  })

  it('answers in the order of the questions, should strfry ask several at once', async () => {
    const events = [eventOf(1), await newKeyPackage(), eventOf(7), eventOf(444), await newKeyPackage()]
    const plugin = start()
    plugin.write(events.map((event) => questionAbout(event)).join(''))
    for (const { id } of events) expect((await plugin.answer()).id).toBe(id)
  })

  it('writes only answers to stdout, whatever its dependencies print', async () => {
    const noise = join(directory, 'noise.cjs')
    writeFileSync(
      noise,
      `const { parse } = JSON
      JSON.parse = (text) => {
        if (text.includes('"type":"new"')) {
          console.log('noise of a dependency')
          process.stdout.write('noise without an end')
        }
        return parse(text)
      }`,
    )
    const plugin = start([], { NODE_OPTIONS: `--require ${noise}` })
    const [note, event] = [eventOf(1), await newKeyPackage()]
    expect(await plugin.ask(note)).toEqual({ id: note.id, action: 'accept' })
    expect(await plugin.ask(event)).toEqual({ id: event.id, action: 'shadowReject' })
    expect(plugin.stdout.split('\n')).toHaveLength(3)
    await eventually('the noise is on stderr', () => plugin.stderr.match(/noise/g)?.length === 4)
  })
})

describe('the exit', () => {
  it.each(['EOF', 'SIGTERM'] as const)('has code 0 after %s', async (how) => {
    const plugin = start()
    await plugin.ask(await newKeyPackage())
    expect(await plugin.end(how)).toBe(0)
  })

  it('follows when strfry ends the shell that started it', async () => {
    const plugin = run(`${pluginCommand('--store', `lmdb:${store}`)}; true`)
    await plugin.ask(await newKeyPackage())
    plugin.kill()
    expect(await plugin.ended).toBe(null)
  })

  it.each(['EOF', 'SIGTERM'] as const)('after %s waits for the answer in progress', async (how) => {
    const plugin = start(['--', ...operator(`console.error('asked'); setTimeout(accept, 300)`)])
    const event = await newKeyPackage()
    plugin.write(questionAbout(event))
    await eventually('it is under way', () => plugin.stderr.includes('asked'))
    const ended = plugin.end(how)
    expect(await plugin.answer()).toEqual({ id: event.id, action: 'shadowReject' })
    expect(await ended).toBe(0)
    expect(await stored()).toEqual([event.id])
  })
})

describe('settings', () => {
  it.each([
    [['--store', 'memory:'], /store: "memory:" is not allowed/],
    [['--stock-max', '0'], /stock.max: 0 is not allowed; expected an integer from 1 to 1000 \(flag /],
    [['--listen', '127.0.0.1:1'], /unknown option '--listen'/],
  ])('%j: exits with code 2 and answers nothing', async (args, why) => {
    const { code, stdout, stderr } = await runCli(['strfry', ...args], { input: questionAbout(eventOf(1)) })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(why)
  })

  it('that only serve uses may be in the same file', async () => {
    const config = join(directory, 'config.yaml')
    writeFileSync(config, `store: lmdb:${store}\nlisten: 127.0.0.1:7447\ncustody: relay\n`)
    const plugin = run(pluginCommand('--config', config))
    expect(await plugin.ask(await newKeyPackage())).toMatchObject({ action: 'accept' })
    expect(existsSync(store)).toBe(true)
  })
})

describe('an unavailable store', () => {
  it.each([
    ['lmdb:FILE/store', 'not a directory'],
    ['redis://127.0.0.1:1', 'Redis'],
  ])(
    'that cannot be opened (%s): key packages are rejected, other kinds accepted (I7)',
    async (address, why) => {
      const file = join(directory, 'file')
      writeFileSync(file, '')
      const plugin = run(pluginCommand('--store', address.replace('FILE', file)))
      const refused = { action: 'reject', msg: UNAVAILABLE }
      expect(await plugin.ask(await newKeyPackage())).toMatchObject(refused)
      for (const event of [eventOf(1), eventOf(5, [['e', '0'.repeat(64)]]), eventOf(10051, RELAY)]) {
        expect(await plugin.ask(event)).toMatchObject({ action: 'accept' })
      }
      expect(await plugin.ask(await newKeyPackage())).toMatchObject(refused)
      expect(plugin.stderr).toContain(why)
    },
  )

  it('that hangs: key packages are rejected in time, other kinds accepted (I7)', async () => {
    const plugin = start()
    await plugin.ask(await newKeyPackage())
    const event = await newKeyPackage()
    const release = await holdWriteLock()
    try {
      expect(await plugin.ask(event)).toEqual({ id: event.id, action: 'reject', msg: UNAVAILABLE })
      expect(await plugin.ask(eventOf(1))).toMatchObject({ action: 'accept' })
    } finally {
      release()
    }
    await eventually('the store answers again', async () => {
      return (await plugin.ask(event)).action === 'shadowReject'
    })
  })

  /** Starts a process that holds the write lock of a transaction until it is killed. */
  async function holdWriteLock(): Promise<() => void> {
    const hold = `
      import { open } from 'lmdb'
      open({ path: ${JSON.stringify(store)}, noSubdir: false }).transactionSync(() => {
        process.stdout.write('held')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      })`
    const child = startProcess(process.execPath, ['--input-type=module', '-e', hold])
    await once(child.stdout, 'data')
    return () => child.kill('SIGKILL')
  }
})

describe('COMMAND', () => {
  it('is given after --, with its arguments, and is asked first', async () => {
    const script = `reply({ action: event.kind === 1 ? 'reject' : 'accept', msg: process.argv.slice(1).join() })`
    const plugin = start(['--', ...operator(script), '--max', 'two words'])
    expect(await plugin.ask(eventOf(1))).toMatchObject({ action: 'reject', msg: '--max,two words' })
    expect(await plugin.ask(eventOf(7))).toMatchObject({ action: 'accept' })
    expect(await plugin.ask(await newKeyPackage())).toMatchObject({ action: 'shadowReject' })
  })

  it('that exits is restarted; until then, events are rejected', async () => {
    const plugin = start(['--', ...operator(`if (event.kind === 7) process.exit(1); accept()`)])
    expect(await plugin.ask(eventOf(1))).toMatchObject({ action: 'accept' })
    const { action, msg } = await plugin.ask(eventOf(7))
    expect([action, msg]).toEqual(['reject', unavailable('it has ended')])
    await eventually('it answers again', async () => (await plugin.ask(eventOf(1))).action === 'accept')
  })

  it.each([
    ['that does not exist', ['./there-is-no-such-program', '--with', 'arguments']],
    ['that is lost, as in an empty variable', []],
  ])('%s does not end the plugin: it refuses every event, and says why', async (_, command) => {
    const plugin = start(['--', ...command])
    for (const event of [eventOf(1), await newKeyPackage()]) {
      const { action, msg } = await plugin.ask(event)
      expect([action, msg]).toEqual(['reject', unavailable('it cannot be started')])
    }
    expect(await plugin.end('EOF')).toBe(0)
    expect(plugin.stderr).toContain('cannot start COMMAND')
  })
})

const unavailable = (why: string) =>
  `error: this relay's write policy is unavailable (${why}), try again later`

const RELAY = [['relay', 'wss://relay.example.com']]

/** The plugin on the test's store, without a shell in between, so that signals arrive. */
function start(args: readonly string[] = [], env?: Readonly<Record<string, string>>): Plugin {
  return run(`exec ${pluginCommand('--store', `lmdb:${store}`, ...args)}`, env)
}

function run(command: string, env?: Readonly<Record<string, string>>): Plugin {
  const plugin = new Plugin(command, env)
  plugins.push(plugin)
  return plugin
}

/** The command line of a plugin that does `behaviour`, in JavaScript without single quotes, for each event. */
function operator(behaviour: string): string[] {
  const program = `
    require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
      const { event } = JSON.parse(line)
      const reply = (answer) => console.log(JSON.stringify({ id: event.id, ...answer }))
      const accept = () => reply({ action: "accept" })
      ${behaviour.replaceAll("'", '"')}
    })`
  return [process.execPath, '-e', program, '--']
}

async function newKeyPackage() {
  const now = Math.floor(Date.now() / 1000)
  return keyPackageEvent(alice, await makeKeyPackage(alice, { now }), { createdAt: now })
}

function eventOf(kind: number, tags: string[][] = []) {
  return signEvent(alice.secretKey, { kind, created_at: Math.floor(Date.now() / 1000), tags, content: '' })
}

/** The ids of Alice's key packages in the store. */
async function stored(): Promise<string[]> {
  const here = lmdbStore({ path: store })
  const packages = await here.list(alice.pubkey, Math.floor(Date.now() / 1000))
  await here.close()
  return packages.map(({ id }) => id)
}
