/** What the targets of HTTP requests name (RFC 9112 section 3.2), and which of them no server should answer. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readRequestTarget } from '../../plugin/request-target.ts'

describe('a request target', () => {
  it.each([
    ['/', '/', ''],
    ['/path?token=1', '/path', '?token=1'],
    ['/path?', '/path', ''],
    ['//host/path', '//host/path', ''],
    ['/./a/./b', '/a/b', ''],
    ['/a..b/..c/...', '/a..b/..c/...', ''],
    ['/%41?a=../..', '/%41', '?a=../..'],
    ['/a#/../b', '/a', ''],
    ['/@example.com:80', '/@example.com:80', ''],
  ])('%s is the path %s with the query %s', (target, path, query) => {
    expect(readRequestTarget(target)).toEqual({ form: 'path', path, query })
  })

  it.each([
    ['http://example.com/x?y', '/x', '?y', 'example.com'],
    ['HTTPS://example.com:8443', '/', '', 'example.com:8443'],
    ['ws://[2001:db8::1]:80/?q', '/', '?q', '[2001:db8::1]:80'],
    ['wss://example.com?q', '/', '?q', 'example.com'],
  ])('%s is the path %s with the query %s at %s', (target, path, query, authority) => {
    expect(readRequestTarget(target)).toEqual({ form: 'path', path, query, authority })
  })

  it('may be the server as a whole', () => expect(readRequestTarget('*')).toEqual({ form: 'server' }))

  it.each([
    [''],
    ['path'],
    ['example.com:443'],
    ['ftp://example.com/'],
    ['http:///x'],
    ['http://user@example.com/'],
    ['http://a b/'],
    ['http://example.com/../x'],
    ['/..'],
    ['/../admin'],
    ['/a/../admin'],
    ['/%2e%2e/admin'],
    ['/.%2E/admin'],
    ['/..%2fadmin'],
    ['/..%5Cadmin'],
    ['/..\\admin'],
    ['/\\..\\admin'],
    ['/a\\..\\..\\admin'],
    ['/%252e%252e/admin'],
    ['/%25252e./admin'],
    ['/..%252fadmin'],
    ['/..;/admin'],
    ['/..%3bx=1/admin'],
    ['/../?x'],
    ['/a/..?x'],
    ['/a/..#x'],
  ])('%s is invalid', (target) => expect(readRequestTarget(target)).toEqual({ form: 'invalid' }))

  it('is a path below any other path it is appended to, however it is escaped', () => {
    const parts = [
      '.',
      '..',
      '/',
      '\\',
      '%2e',
      '%2E',
      '%2f',
      '%5c',
      '%25',
      '252e',
      ';',
      '?',
      '#',
      '//',
      'a',
      '@',
      ':',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 12 }), (made) => {
        const target = readRequestTarget(`/${made.join('')}`)
        if (target.form !== 'path') return
        const url = new URL(`http://localhost/base${target.path}${target.query}`)
        const decoded = decodeURIComponent(url.pathname.replace(/%(?![\da-f]{2})/gi, '%25')).replace(
          /\\/g,
          '/',
        )
        expect(new URL(`http://localhost${decoded}`).pathname).toMatch(/^\/base(\/|$)/)
      }),
      { seed: 1, numRuns: 20_000 },
    )
  })
})
