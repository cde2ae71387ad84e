/** A real PostgreSQL of its own for tests, in a scratch directory, without the safety of its disk. */

import { type ChildProcess, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { eventually } from './eventually.ts'
import { run, startProcess } from './processes.ts'
import { freePort } from './redis.ts'
import { scratch } from './scratch.ts'

const DEBIAN = '/usr/lib/postgresql'

/** The folder of its programs: on PATH, or where Debian has them; undefined where there are none. */
export function findPostgres(): string | undefined {
  const debian = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...debian.map((version) => join(DEBIAN, version, 'bin')),
  ]
  return folders.find((folder) =>
    ['initdb', 'postgres', 'psql'].every((name) => existsSync(join(folder, name))),
  )
}

export class Postgres {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly user = 'tests'
  readonly #folder: string
  readonly #process: ChildProcess

  private constructor(folder: string, directory: string, port: number) {
    this.#folder = folder
    this.port = port
    const settings = ['fsync=off', 'full_page_writes=off', `unix_socket_directories=${directory}`]
    const flags = ['-D', join(directory, 'data'), '-h', this.host, '-p', String(port)]
    this.#process = startProcess(
      join(folder, 'postgres'),
      [...flags, ...settings.flatMap((text) => ['-c', text])],
      {
        ...unprivileged(),
        cwd: directory,
        stdio: 'ignore',
      },
    )
  }

  static async start(folder: string): Promise<Postgres> {
    const directory = scratch()
    const { uid, gid } = unprivileged()
    if (uid !== undefined && gid !== undefined) chownSync(directory, uid, gid)
    const flags = ['-D', join(directory, 'data'), '-U', 'tests', '-A', 'trust', '-E', 'UTF8', '--no-sync']
    await run(join(folder, 'initdb'), flags, { ...unprivileged(), cwd: directory })
    const postgres = new Postgres(folder, directory, await freePort())
    await eventually('PostgreSQL answers', () => postgres.query('select 1'))
    return postgres
  }

  /** What psql prints for it: a row a line. */
  async query(sql: string, database = 'postgres'): Promise<string> {
    const place = ['-h', this.host, '-p', String(this.port), '-U', this.user, '-d', database]
    return (await run(join(this.#folder, 'psql'), [...place, '-qtAX', '-c', sql])).trim()
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, 'exit')
    this.#process.kill('SIGQUIT')
    await gone
  }
}

/** PostgreSQL refuses to run as root; its own user is there where Debian installed it. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}
