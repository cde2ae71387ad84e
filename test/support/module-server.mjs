/**
 * Serves the modules of this machine to a browser, at their paths; a process of its own, which prints its port.
 * Bare imports are resolved as Node does, so what the browser runs is what npm installed.
 */

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'

const BARE_IMPORT = /(\bfrom|\bimport)(\s*\(?\s*)(["'])([^"'./][^"']*)\3/g

const server = createServer((request, response) => {
  if (request.url === '/') return response.setHeader('content-type', 'text/html').end('<!doctype html>')
  try {
    const file = new URL(`file://${request.url}`)
    const code = readFileSync(fileURLToPath(file), 'utf8')
    const resolved = code.replace(BARE_IMPORT, (whole, verb, space, quote, name) => {
      const target = resolve(name, file)
      return target === undefined ? whole : `${verb}${space}${quote}${target}${quote}`
    })
    return response.setHeader('content-type', 'text/javascript').end(resolved)
  } catch {
    return response.writeHead(404).end()
  }
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))

/** What is not installed is left as it is: ts-mls asks for some packages only where they are needed. */
function resolve(name, file) {
  try {
    const { protocol, pathname } = new URL(import.meta.resolve(name, file))
    return protocol === 'file:' ? pathname : undefined
  } catch {
    return undefined
  }
}
