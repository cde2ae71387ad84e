/** A real nginx of its own for tests, with the sites it is given; undefined where there is none, which is said aloud. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run, startProcess } from './processes.ts'
import { onPath } from './programs.mjs'

/** Debian keeps it where only root looks. */
export const nginxProgram = onPath('nginx', ['/usr/sbin', '/usr/local/sbin'])

if (nginxProgram === undefined) {
  console.warn(
    'SKIPPED: the tests of nginx configurations need nginx (apt-get install nginx-light, brew install nginx).',
  )
}

/** `nginx -t` on sites that stand in `directory`. Rejects with what nginx says of them. */
export async function checkSites(directory: string, sites: string): Promise<void> {
  await run(program(), ['-t', ...flags(directory, sites)])
}

/** Serves sites until it is ended; what it keeps is in `directory`. */
export class Nginx {
  readonly #process: ChildProcess

  constructor(directory: string, sites: string) {
    this.#process = startProcess(program(), flags(directory, sites), { stdio: 'ignore' })
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await ended
  }
}

function program(): string {
  if (nginxProgram === undefined) throw new Error('there is no nginx')
  return nginxProgram
}

/** What Debian's nginx.conf has around its sites, as far as it matters, with every path in the directory. */
function flags(directory: string, sites: string): string[] {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory}/nginx-${name};`,
  )
  writeFileSync(
    join(directory, 'nginx.conf'),
    `daemon off; pid ${directory}/nginx.pid; error_log ${directory}/nginx-error.log;
    events {}
    http { access_log ${directory}/nginx-access.log; ${temporary.join(' ')}\n${sites} }`,
  )
  return ['-p', directory, '-e', join(directory, 'nginx-error.log'), '-c', join(directory, 'nginx.conf')]
}
