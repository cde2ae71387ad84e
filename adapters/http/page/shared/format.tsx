/** How times, counts and keys are written for people. */

import { npubEncode } from 'nostr-tools/nip19'

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400
const UNITS = [
  { unit: 'day', seconds: DAY },
  { unit: 'hour', seconds: HOUR },
  { unit: 'minute', seconds: MINUTE },
] as const
/** 36 hours say more than 2 days. */
const DAYS_FROM = 2 * DAY

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const absolute = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' })
const clock = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })

/** A time as people say it; the exact one on hovering. A KeyPackage's lifetime may be later than a `Date` can express. */
export function Time({ at }: { readonly at: number }) {
  const date = new Date(at * 1000)
  if (Number.isNaN(date.getTime())) return <>out of range</>
  return (
    <time dateTime={date.toISOString()} title={absolute.format(date)}>
      {fromNow(at - Date.now() / 1000)}
    </time>
  )
}

/** The date and time themselves. */
export function exactTime(at: number): string {
  const date = new Date(at * 1000)
  return Number.isNaN(date.getTime()) ? 'out of range' : absolute.format(date)
}

export function clockTime(at: number): string {
  return clock.format(new Date(at * 1000))
}

function fromNow(seconds: number): string {
  const size = Math.abs(seconds)
  if (size < MINUTE) return seconds < 0 ? 'just now' : 'in less than a minute'
  if (size >= DAYS_FROM) return relative.format(Math.round(seconds / DAY), 'day')
  const minutes = Math.round(seconds / MINUTE)
  if (Math.abs(minutes) < 60) return relative.format(minutes, 'minute')
  return relative.format(Math.round(seconds / HOUR), 'hour')
}

/** For instance `3 days`. */
export function duration(seconds: number): string {
  const { unit, seconds: length } = UNITS.find((each) => seconds >= each.seconds) ?? {
    unit: 'second',
    seconds: 1,
  }
  return counted(Math.round(seconds / length), unit)
}

/** For instance `1 package`, `2 packages`. */
export function counted(count: number, thing: string): string {
  return `${number.format(count)} ${thing}${count === 1 ? '' : 's'}`
}

export function decimal(value: number): string {
  return number.format(value)
}

export function times(count: number): string {
  if (count === 0) return 'never'
  if (count === 1) return 'once'
  return count === 2 ? 'twice' : `${number.format(count)} times`
}

/** A pubkey as people know it (NIP-19), its middle left out on screen; all of it for whoever copies or hovers. */
export function Npub({ pubkey }: { readonly pubkey: string }) {
  const npub = npubOf(pubkey)
  return (
    <span class="key" title={npub}>
      {npub.slice(0, 12)}…{npub.slice(-6)}
    </span>
  )
}

export function npubOf(pubkey: string): string {
  return /^[0-9a-f]{64}$/.test(pubkey) ? npubEncode(pubkey) : pubkey
}

export function shortId(id: string): string {
  return `${id.slice(0, 8)}…`
}
