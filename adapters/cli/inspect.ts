/** `inspect`: the fields of a key package event, and the outcome of every check on it. */

import { type Command, InvalidArgumentError } from 'commander'
import { showCode } from '../../plugin/key-package/codes.ts'
import { type KeyPackage, keyPackageRef } from '../../plugin/key-package/decode.ts'
import { defaultEncoding } from '../../plugin/key-package/encoding.ts'
import { carriesLastResort } from '../../plugin/key-package/extensions.ts'
import { explainForReceivers, type Reception, receptions } from '../../plugin/key-package/generations.ts'
import {
  type CheckOutcome,
  type Explanation,
  explainKeyPackage,
  type RulesHere,
} from '../../plugin/key-package/validate.ts'
import { isSignedEvent, shapeFault } from '../../plugin/nostr/event.ts'
import { createVerifier } from '../node/verify-event.ts'
import { InputError, readAll } from './input.ts'
import { print } from './output.ts'
import { addSettings, readSettings } from './settings.ts'
import { formatTable, formatTime } from './terminal.ts'

interface InspectFlags {
  readonly json?: true
  readonly at: number
}

type InspectRules = Required<Omit<RulesHere, 'authenticatedAs' | 'blocked'>>

/** Field names and values; times are seconds since the epoch. */
type Fields = Readonly<Record<string, string | number | boolean | readonly string[]>>

interface Report {
  readonly accepted: boolean
  /** Why it would be refused, as a client would read it. */
  readonly message?: string
  readonly fields: Fields
  readonly checks: readonly CheckReport[]
  /** Whether the clients of each generation accept it. */
  readonly receivers: readonly Reception[]
}

interface CheckReport {
  readonly check: string
  readonly outcome: CheckOutcome['outcome']
  readonly message?: string
}

const EXIT_REFUSED = 1
const TIME_FIELDS = ['created_at', 'not_before', 'not_after']

export function defineInspect(command: Command): Command {
  command
    .argument('<file>', 'one event as JSON, or one event per line; - reads standard input')
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
    return [JSON.parse(text)]
  } catch {
    return text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [parseLine(line, index + 1)]))
  }
}

function parseLine(line: string, number: number): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new InputError(`line ${number} is not JSON: ${(error as Error).message}`)
  }
}

function parseSeconds(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number of seconds since the epoch.')
}

/** Runs the checks as if the author, authenticated, published the event at `now`, in seconds since the epoch. */
function inspectEvent(event: unknown, rules: InspectRules, now: number): Report {
  if (!isSignedEvent(event)) {
    const message = `invalid: ${shapeFault(event)}`
    const checks = [{ check: 'event', outcome: 'refused', message }] as const
    return { accepted: false, message, fields: {}, checks, receivers: [] }
  }
  const explained = explainKeyPackage(event, { ...rules, authenticatedAs: new Set([event.pubkey]) }, now)
  const checks = explained.checks.map(reportOf)
  const received = explainForReceivers(event, rules.verifyEvent, now)
  const refused = checks.find(({ outcome }) => outcome === 'refused')
  return {
    accepted: refused === undefined,
    ...(refused?.message !== undefined && { message: refused.message }),
    fields: fieldsOf(received),
    checks,
    receivers: receptions(received),
  }
}

function reportOf(outcome: CheckOutcome): CheckReport {
  if (outcome.outcome !== 'refused') return outcome
  return { check: outcome.check, outcome: 'refused', message: outcome.refusal.message }
}

function fieldsOf({ draft: { event, tags, keyPackage } }: Explanation): Fields {
  const { encodings, relays, slots } = tags
  return {
    id: event.id,
    kind: event.kind,
    author: event.pubkey,
    created_at: event.created_at,
    encoding: encodings[0] ?? defaultEncoding(event.kind),
    ...(slots[0] !== undefined && { slot: slots[0] }),
    ...(relays.length > 0 && { relays }),
    ...(keyPackage && keyPackageFields(keyPackage)),
  }
}

function keyPackageFields(keyPackage: KeyPackage): Fields {
  const { bytes, ciphersuite, leafNode, extensions } = keyPackage
  return {
    bytes: bytes.length,
    ref: keyPackageRef(bytes, ciphersuite),
    ciphersuite: showCode(ciphersuite),
    identity: Buffer.from(leafNode.credential.data).toString('hex'),
    not_before: leafNode.notBefore,
    not_after: leafNode.notAfter,
    extensions: extensions.map(({ type }) => showCode(type)),
    last_resort: carriesLastResort(keyPackage),
  }
}

function formatReport({ accepted, message, fields, checks, receivers }: Report): string {
  const verdict = accepted ? 'It would be accepted.' : `It would be refused: ${message}`
  const checkRows = checks.map(({ check, outcome, message: why = '' }) => [check, outcome, why])
  return formatTable([
    ...fieldRows(fields),
    [],
    ...checkRows,
    [],
    ...receivers.map(receptionRow),
    [],
    [verdict],
  ])
}

function receptionRow({ generation, accepted, reasons }: Reception): string[] {
  return [`clients of ${generation}`, accepted ? 'accept' : 'refuse', reasons.join('; ')]
}

function fieldRows(fields: Fields): string[][] {
  return Object.entries(fields).map(([name, value]) => {
    if (TIME_FIELDS.includes(name)) return [name, `${value} (${formatTime(Number(value))})`]
    return [name, Array.isArray(value) ? value.join(', ') : String(value)]
  })
}
