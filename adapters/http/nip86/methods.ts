/** The methods of NIP-86 that the gateway has itself: what each takes, what it does, and what it found. */

import { z } from 'zod'
import type { ListedAccessRule } from '../../../plugin/access/access.ts'
import { isPubkey, readSubject } from '../../../plugin/access/subjects.ts'
import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import { readUrl } from '../../../plugin/read-url.ts'

/** What the methods need of the gateway. */
export type ManagedGateway = Pick<
  KeyPackageGateway,
  'ban' | 'unban' | 'allow' | 'unallow' | 'accessRules' | 'changeInformation'
>

/** What a list method lists, each by its pubkey or address. */
export interface Entry {
  readonly pubkey?: string
  readonly ip?: string
  readonly reason?: string
}

/**
 * - `done`: it is so now, whether or not it was before. `subject` is what was changed.
 * - `listed`: that is all there is.
 * - `refused`: it cannot be done; `reason` is a sentence.
 */
export type Done =
  | { readonly outcome: 'done'; readonly subject: string }
  | { readonly outcome: 'listed'; readonly entries: readonly Entry[] }
  | { readonly outcome: 'refused'; readonly subject: string; readonly reason: string }

/** A call whose parameters are right. Rejects when the store does. */
export type Call = (gateway: ManagedGateway) => Promise<Done>

/** The call of a method with these parameters; a sentence, if they are wrong. */
type Method = (params: readonly unknown[]) => Call | string

const MAX_REASON = 1000
const reason = text(MAX_REASON).nullish()
const pubkey = z
  .string('must be a pubkey of 64 hex characters')
  .regex(/^[0-9a-f]{64}$/i, 'must be a pubkey of 64 hex characters')
  .transform((text) => text.toLowerCase())
const NETWORK = 'must be an IP address, or a network such as 203.0.113.0/24'
const network = z
  .string(NETWORK)
  .max(64, NETWORK)
  .transform((text) => readSubject(text) ?? '')
  .refine((subject) => subject !== '' && !isPubkey(subject), NETWORK)
const name = text(100)
const description = text(10_000)
const ICON = 'must be an http or https URL, or empty'
const icon = z
  .string(ICON)
  .max(2000, ICON)
  .refine((text) => text === '' || isWebUrl(text), ICON)

const methods: Readonly<Record<string, Method>> = {
  // NIP-86: who is banned is no longer on the list of those who are allowed, and the other way round.
  banpubkey: method(z.tuple([pubkey, reason]), async (gateway, [subject, why]) => {
    await gateway.ban(subject, why ?? undefined)
    await gateway.unallow(subject)
    return { outcome: 'done', subject }
  }),
  unbanpubkey: method(z.tuple([pubkey, reason]), unban),
  listbannedpubkeys: method(z.tuple([]), list('ban', 'pubkey')),
  allowpubkey: method(z.tuple([pubkey, reason]), async (gateway, [subject, why]) => {
    const unbanned = await unban(gateway, [subject])
    if (unbanned.outcome === 'refused') return unbanned
    await gateway.allow(subject, why ?? undefined)
    return { outcome: 'done', subject }
  }),
  unallowpubkey: method(z.tuple([pubkey, reason]), async (gateway, [subject]) =>
    (await gateway.unallow(subject)) === 'in settings'
      ? stays(subject, 'allowed', 'access.allow')
      : { outcome: 'done', subject },
  ),
  listallowedpubkeys: method(z.tuple([]), list('allow', 'pubkey')),
  blockip: method(z.tuple([network, reason]), async (gateway, [subject, why]) => {
    await gateway.ban(subject, why ?? undefined)
    return { outcome: 'done', subject }
  }),
  unblockip: method(z.tuple([network, reason]), unban),
  listblockedips: method(z.tuple([]), list('ban', 'ip')),
  changerelayname: method(z.tuple([name]), (gateway, [value]) => change(gateway, 'name', value)),
  changerelaydescription: method(z.tuple([description]), (gateway, [value]) =>
    change(gateway, 'description', value),
  ),
  changerelayicon: method(z.tuple([icon]), (gateway, [value]) => change(gateway, 'icon', value)),
}

/** The names of all methods. */
export const METHODS: readonly string[] = Object.keys(methods)

/** A method by its name; undefined if the gateway does not have it. */
export function methodNamed(name: string): Method | undefined {
  return Object.hasOwn(methods, name) ? methods[name] : undefined
}

function method<Values>(
  schema: z.ZodType<Values>,
  run: (gateway: ManagedGateway, values: Values) => Promise<Done>,
): Method {
  return (params) => {
    const result = schema.safeParse(params)
    if (!result.success) return faultIn(result.error.issues[0])
    return (gateway) => run(gateway, result.data)
  }
}

function faultIn(issue: z.core.$ZodIssue | undefined): string {
  const [index] = issue?.path ?? []
  return index === undefined ? `params: ${issue?.message}` : `params[${String(index)}] ${issue?.message}`
}

/** Not every store can keep a lone surrogate. */
function text(maxLength: number) {
  return z
    .string('must be a string')
    .max(maxLength, `must have at most ${maxLength.toLocaleString('en')} characters`)
    .refine((value) => !/\p{Surrogate}/u.test(value), 'must not contain lone surrogates')
}

function isWebUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && readUrl(text) !== undefined
}

async function unban(gateway: ManagedGateway, [subject]: readonly [string, unknown?]): Promise<Done> {
  const outcome = await gateway.unban(subject)
  return outcome === 'in settings' ? stays(subject, 'banned', 'access.ban') : { outcome: 'done', subject }
}

function stays(subject: string, what: string, setting: string): Done {
  return {
    outcome: 'refused',
    subject,
    reason: `still ${what} by ${setting} in the settings, where it must be removed`,
  }
}

async function change(
  gateway: ManagedGateway,
  field: Parameters<ManagedGateway['changeInformation']>[0],
  value: string,
): Promise<Done> {
  await gateway.changeInformation(field, value)
  return { outcome: 'done', subject: value }
}

function list(
  from: ListedAccessRule['list'],
  kind: 'pubkey' | 'ip',
): (gateway: ManagedGateway) => Promise<Done> {
  return async (gateway) => {
    const rules = await gateway.accessRules()
    const listed = rules.filter(
      (rule) => rule.list === from && isPubkey(rule.subject) === (kind === 'pubkey'),
    )
    return { outcome: 'listed', entries: listed.map((rule) => ({ [kind]: rule.subject, ...reasonOf(rule) })) }
  }
}

function reasonOf(rule: ListedAccessRule): Pick<Entry, 'reason'> {
  if (rule.from === 'settings') return { reason: `access.${rule.list} in the settings` }
  return rule.reason === undefined ? {} : { reason: rule.reason }
}
