/** URLs from outside: what is none is never taken for one, however often it is asked. */

import { expect, it } from '@jest/globals'
import { readUrl } from '../../plugin/read-url.ts'
import { readRequestTarget } from '../../plugin/request-target.ts'

it('reads URLs, and nothing else', () => {
  expect(readUrl('wss://relay.example.com:444/a?b')?.host).toBe('relay.example.com:444')
  for (const text of ['', 'relay.example.com', 'http://', 'http://a b/', 'http://\u{80}/'])
    expect(readUrl(text)).toBeUndefined()
})

it('refuses a target with a host that is none also when V8 has optimised what reads it (found by fuzzing)', () => {
  // Characters of Latin-1, as Node.js gives the bytes of a request line, that cannot be in a host.
  const targets = ['http://\u{c3}\u{b8}', 'http://a\u{80}/']
  const forms = new Set<string>()
  for (let round = 0; round < 100_000; round++) {
    readRequestTarget(`http://relay.example.com/${round % 10}`)
    if (round % 100 === 0) for (const target of targets) forms.add(readRequestTarget(target).form)
  }
  expect([...forms]).toEqual(['invalid'])
})
