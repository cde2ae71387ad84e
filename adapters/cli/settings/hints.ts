/** What to write instead of a setting that is nearly right: an address without its scheme, a path without `lmdb:`. */

type Hint = (value: string) => string | undefined

/** A path, as people write one: `/var/lib/x`, `./data`, `~/data`, `C:\data`. */
const PATH = /^(?:\.{0,2}\/|~|\.{1,2}$|[A-Za-z]:\\)/
const HOST_AND_PORT = /^(?:\[[\da-fA-F:.]+\]|[\w.-]+):\d{1,5}(?:\/\S*)?$/

const hints: Readonly<Record<string, Hint>> = {
  store: hintOfStore,
  listen: hintOfListen,
  'admin.listen': hintOfListen,
  upstream: hintOfRelay,
  publicUrl: hintOfRelay,
}

/** Undefined where nothing is known that would help. The hint follows what is allowed. */
export function hintFor(path: string, value: unknown): string | undefined {
  return typeof value === 'string' ? hints[path]?.(value) : undefined
}

function hintOfStore(value: string): string | undefined {
  const path = value.replace(/^lmdb:/, '')
  if (/^~/.test(path)) return `"~" is not expanded here: write lmdb:$HOME${path.slice(1)}`
  if (value === 'lmdb:') return 'the path is missing: write lmdb:./data/keypackages'
  if (PATH.test(value)) return `for a directory write lmdb:${value}`
  if (/^file:/.test(value)) return `for a directory write lmdb:${value.replace(/^file:(?:\/\/)?/, '')}`
  if (value === 'memory') return 'write memory: with its colon'
  if (value === 'lmdb') return 'write lmdb:./data/keypackages'
  if (/^redis(?::(?!\/\/)|$)/.test(value)) return `write redis://${value.slice(6) || 'localhost'}`
  if (HOST_AND_PORT.test(value)) return `for Redis write redis://${value}`
  return undefined
}

function hintOfListen(value: string): string | undefined {
  const [, scheme, rest = ''] = /^(\w+):\/\/(.*?)\/?$/.exec(value) ?? []
  if (scheme !== undefined) return `leave out ${scheme}://, and write ${rest}`
  const [, port] = /^\*?:(\d+)$/.exec(value) ?? []
  if (port !== undefined)
    return `it names no host: write 127.0.0.1:${port} for this machine alone, or 0.0.0.0:${port} for every network`
  if (/^[\da-fA-F:]*::[\da-fA-F:]*$/.test(value))
    return `an IPv6 address is in brackets: write ${bracketed(value)}`
  if (/^(?:\S+:)?\d+$/.test(value)) return 'a port is from 0 to 65535'
  if (/^[\w.-]+$/.test(value)) return `the port is missing: write ${value}:7447`
  return undefined
}

function bracketed(value: string): string {
  const [, address, port] = /^(.*):(\d{2,5})$/.exec(value) ?? []
  return address?.includes('::') ? `[${address}]:${port}` : `[${value}]:7447`
}

function hintOfRelay(value: string): string | undefined {
  if (/^https?:\/\//.test(value)) return `write ${value.replace(/^http/, 'ws')}`
  if (/^[\w.-]+$|^\[[\da-fA-F:.]+\]$/.test(value) || HOST_AND_PORT.test(value)) {
    const isNear =
      /^(?:localhost|127\.|10\.|192\.168\.|\[?::1)/.test(value) || !/[A-Za-z]\.[A-Za-z]/.test(value)
    return `write ${isNear ? 'ws' : 'wss'}://${value}`
  }
  return undefined
}
