/** `inspect`: what a key package event holds, and whether a gateway would take it in. */

import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { KeyPackageRules } from '../../plugin/key-package/checks.ts'
import { addSettings, readSettings } from './flags.ts'
import { InputError } from './input.ts'
import { inspectEvent } from './inspection.ts'
import { formatReport } from './inspection-table.ts'
import { createVerifier } from './verify-event.ts'

interface InspectFlags {
  readonly json?: true
  readonly at: number
}

const STDIN = 0
const REFUSED = 1

export function inspectCommand(): Command {
  const command = new Command('inspect')
    .argument('<file>', 'one event as JSON, or several, one a line; - reads standard input')
    .option('--json', 'print one JSON object for each event')
    .addOption(
      new Option('--at <seconds>', 'judge as of this time, in seconds since the epoch')
        .argParser(readSeconds)
        .default(Math.floor(Date.now() / 1000), 'now'),
    )
  addSettings(command, ['profile', 'kinds', 'validation', 'stock'])
  return command.action(async (file: string, flags: InspectFlags) => {
    const { kinds, validation, stock } = readSettings(command, process.env)
    await inspect(file, { kinds, validation, stock, verifyEvent: await createVerifier() }, flags)
  })
}

async function inspect(
  file: string,
  rules: Omit<KeyPackageRules, 'authenticatedAs'>,
  { json, at }: InspectFlags,
): Promise<void> {
  const events = readEvents(file)
  if (events.length === 0) throw new InputError(`${file} holds no event`)
  const reports = events.map((event) => inspectEvent(event, rules, at))
  const texts = reports.map((report) => (json ? JSON.stringify(report) : formatReport(report)))
  process.stdout.write(`${texts.join(json ? '\n' : '\n\n')}\n`)
  if (reports.some(({ accepted }) => !accepted)) process.exitCode = REFUSED
}

/** @throws InputError */
function readEvents(file: string): unknown[] {
  const text = readText(file)
  try {
    return [JSON.parse(text)]
  } catch {
    return text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [readLine(line, index + 1)]))
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? STDIN : file, 'utf8')
  } catch (error) {
    throw new InputError(`${file} cannot be read: ${(error as Error).message}`)
  }
}

function readLine(line: string, number: number): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new InputError(`line ${number} is not JSON: ${(error as Error).message}`)
  }
}

function readSeconds(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It takes whole seconds since the epoch.')
}
