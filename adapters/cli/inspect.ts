/** `inspect`: the fields of a key package event, and the outcome of every check on it. */

import { type Command, InvalidArgumentError } from 'commander'
import type { Reception } from '../../plugin/key-package/generations.ts'
import {
  INSPECTED_TIMES,
  type InspectedCheck,
  type InspectedFields,
  inspectedCheck,
  inspect as inspectForReceivers,
} from '../../plugin/key-package/inspection.ts'
import { explainKeyPackage, type RulesHere } from '../../plugin/key-package/validate.ts'
import { isSignedEvent } from '../../plugin/nostr/event.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { createVerifier } from '../node/verify-event.ts'
import { InputError, readAll } from './input.ts'
import { print } from './output.ts'
import { addSettings, readSettings } from './settings.ts'
import { type Mood, painted, signs } from './style.ts'
import { formatTable, formatTime } from './terminal.ts'

interface InspectFlags {
  readonly json?: true
  readonly at: number
}

type InspectRules = Required<Omit<RulesHere, 'authenticatedAs' | 'blocked'>>

interface Report {
  readonly accepted: boolean
  /** Why it would be refused, as a client would read it. */
  readonly message?: string
  readonly fields: InspectedFields
  readonly checks: readonly InspectedCheck[]
  /** Whether the clients of each generation accept it. */
  readonly receivers: readonly Reception[]
}

const EXIT_REFUSED = 1
/** The outcomes of checks, and what receivers do. */
const OUTCOMES: Readonly<Record<string, Mood>> = {
  passed: 'good',
  skipped: 'quiet',
  refused: 'bad',
  accept: 'good',
  refuse: 'bad',
}

export function defineInspect(command: Command): Command {
  command
    .argument(
      '<file>',
      'one event as JSON, or one per line, also as `export` prints them; - reads standard input',
    )
    .option('--json', 'print one JSON object for each event')
    .addOption(
      command
        .createOption('--at <seconds>', 'check as of this time, in seconds since the epoch')
        .argParser(parseSeconds)
        .default(Math.floor(Date.now() / 1000), 'now'),
    )
  addSettings(command, ['profile', 'kinds', 'validation', 'stock'])
  return command.action(async (file: string, flags: InspectFlags) => {
    const { kinds, validation, stock } = readSettings(command, process.env)
    await inspect(file, { kinds, validation, stock, verifyEvent: await createVerifier() }, flags)
  })
}

async function inspect(file: string, rules: InspectRules, { json, at }: InspectFlags): Promise<void> {
  const events = eventsIn(await readAll(file))
  if (events.length === 0) throw new InputError(`no event in ${file}`)
  const reports = events.map((event) => inspectEvent(event, rules, at))
  const texts = reports.map((report) => (json ? JSON.stringify(report) : formatReport(report)))
  print(texts.join(json ? '\n' : '\n\n'))
  if (reports.some(({ accepted }) => !accepted)) process.exitCode = EXIT_REFUSED
}

/** @throws InputError */
function eventsIn(text: string): unknown[] {
  try {
    return [eventOf(JSON.parse(text))]
  } catch {
    return text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [parseLine(line, index + 1)]))
  }
}

function parseLine(line: string, number: number): unknown {
  try {
    return eventOf(JSON.parse(line))
  } catch (error) {
    throw new InputError(`line ${number} is not JSON: ${(error as Error).message}`)
  }
}

/** The event in a record of `export`; anything else as it is. */
function eventOf(value: unknown): unknown {
  const isRecord = typeof value === 'object' && value !== null && 'event' in value
  return isRecord ? value.event : value
}

function parseSeconds(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number of seconds since the epoch.')
}

/** Runs the checks as if the author, authenticated, published the event at `now`, in seconds since the epoch. */
function inspectEvent(event: unknown, rules: InspectRules, now: number): Report {
  const received = inspectForReceivers(event, rules.verifyEvent, now)
  const checks = isSignedEvent(event) ? checksHere(event, rules, now) : received.checks
  const refused = checks.find(({ outcome }) => outcome === 'refused')
  return {
    accepted: refused === undefined,
    ...(refused?.message !== undefined && { message: refused.message }),
    fields: received.fields,
    checks,
    receivers: received.receivers,
  }
}

function checksHere(event: SignedEvent, rules: InspectRules, now: number): InspectedCheck[] {
  const authenticatedAs = new Set([event.pubkey])
  return explainKeyPackage(event, { ...rules, authenticatedAs }, now).checks.map(inspectedCheck)
}

function formatReport({ accepted, message, fields, checks, receivers }: Report): string {
  const verdict = accepted ? 'It would be accepted.' : `It would be refused: ${message}`
  const checkRows = checks.map(({ check, outcome, message: why = '' }) => [check, marked(outcome), why])
  const table = formatTable([
    ...fieldRows(fields),
    [],
    ...checkRows,
    [],
    ...receivers.map(receptionRow),
    [],
    [verdict],
  ])
  return painted(
    table,
    Object.fromEntries(Object.entries(OUTCOMES).map(([outcome, mood]) => [marked(outcome), mood])),
  )
}

/** With its sign, on a terminal. */
function marked(outcome: string): string {
  const mood = OUTCOMES[outcome]
  return mood === undefined || !process.stdout.isTTY ? outcome : `${signs[mood]} ${outcome}`
}

function receptionRow({ generation, accepted, reasons }: Reception): string[] {
  return [`clients of ${generation}`, marked(accepted ? 'accept' : 'refuse'), reasons.join('; ')]
}

function fieldRows(fields: InspectedFields): string[][] {
  return Object.entries(fields).map(([name, value]) => {
    if (INSPECTED_TIMES.includes(name)) return [name, `${value} (${formatTime(Number(value))})`]
    return [name, Array.isArray(value) ? value.join(', ') : String(value)]
  })
}
