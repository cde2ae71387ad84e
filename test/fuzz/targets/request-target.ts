/** The target of an HTTP request: what comes of it means the same to every server behind, and leads nowhere else. */

import { readRequestTarget } from '../../../plugin/request-target.ts'
import { demand, type Target } from '../target.ts'

const DECODINGS = 4

export const target: Target = {
  name: 'request-target',
  seeds: [
    '/',
    '*',
    '/keypackages/api/v1/packages?limit=2&a=%2e#x',
    'https://relay.example.com/a//b;c/%2541?x',
    'ws://[::1]:80/',
    '/a/..%2f%252e%252e/b',
    '/.\\..;x/',
    '//evil.example.com/a',
    'http://ø',
  ].map((text) => Buffer.from(text)),
  words: [
    '..',
    '%2e',
    '%2E%2e',
    '%252e',
    '%2f',
    '%5c',
    '\\',
    ';',
    '#',
    '?',
    '@',
    '://',
    '%00',
    '%ff',
    ':65536',
  ],
  shortRun: 3000,
  run(input) {
    // As Node.js gives it: one byte a character, and nothing that ends the request line.
    const text = input.toString('latin1')
    if (/[\s\p{Cc}]/u.test(text)) return
    const read = readRequestTarget(text)
    if (read.form !== 'path') return
    const { path, query, authority = '' } = read
    demand(path.startsWith('/') && !/[?#\s\\]/.test(path), 'a path that is none', text, read)
    demand(query === '' || query.startsWith('?'), 'a query that is none', text, read)
    demand(!/[@/?#\\\s]/.test(authority), 'an authority that is none', text, read)
    demand(!leavesItsPlace(path), 'a path leaves its place', text, read)
    const again = readRequestTarget(path + query)
    const isSame = again.form === 'path' && again.path === path && again.query === query
    demand(isSame, 'the next server reads it otherwise', text, read, again)
  },
}

/** Whether a server that decodes again and again comes to a segment `..`. */
function leavesItsPlace(path: string): boolean {
  let decoded = path
  for (let times = 0; times < DECODINGS; times++) {
    const segments = decoded.split(/[/\\]/).map((segment) => segment.split(';')[0])
    if (segments.includes('..')) return true
    decoded = decoded.replaceAll(/%([\da-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
  return false
}
