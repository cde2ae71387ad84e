/** `npm run load:scale`: what many authors, many connections and several processes take. */

import { parseArgs } from 'node:util'
import { measureAuthors, STORES } from './authors.ts'
import { measureConnections } from './connections.ts'
import { type Row, tableOf } from './figures.ts'
import { measureProcesses } from './processes.ts'

const HELP = `npm run load:scale -- WHAT [OPTIONS]

  authors       a store with --authors N (default 1000000), --store memory, lmdb or redis (default: each)
  connections   one server with --connections N (default 10000), --workers N (default 1)
  processes     claims and publishes of one process, two workers, two servers, a cluster, in processor time

Processor time is that of the servers and of Redis, not of the clients, which share the machine.
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    authors: { type: 'string', default: '1000000' },
    connections: { type: 'string', default: '10000' },
    store: { type: 'string', multiple: true, default: [...STORES] },
    workers: { type: 'string', default: '1' },
  },
})

const say = (line: string) => void process.stderr.write(`${line}\n`)

async function measure(what: string | undefined): Promise<Row[]> {
  if (what === 'processes') return measureProcesses(say)
  if (what === 'connections')
    return measureConnections(Number(values.connections), Number(values.workers), say)
  if (what !== 'authors') return []
  const kinds = STORES.filter((kind) => values.store.includes(kind))
  const rows: Row[] = []
  for (const kind of kinds) rows.push(...(await measureAuthors(kind, Number(values.authors), say)))
  return rows
}

const rows = await measure(positionals[0])
if (rows.length > 0) {
  process.stdout.write(`${tableOf(rows)}\n`)
  process.exit()
}
process.stderr.write(HELP)
process.exitCode = 2
