/** Starts the relay with an LMDB store, and stops it on SIGTERM or SIGINT: `node examples/custom-relay/start.js`. */

import { once } from 'node:events'
import { KeyPackageGateway } from 'keypackage-gateway'
import { lmdbStore } from 'keypackage-gateway/lmdb'
import { startRelay } from './relay.js'

const { HOST: host = '127.0.0.1', PORT: port = '7447', DATA: path = './data/keypackages' } = process.env
const store = lmdbStore({ path })
const publicUrl = `ws://${host}:${port}`
const gateway = new KeyPackageGateway({ store, publicUrl, log: console })
setInterval(() => gateway.sweep().catch(console.error), 3_600_000).unref()
const server = startRelay({ gateway, host, port: Number(port) })
server.on('listening', () => console.log(`listening on ${publicUrl}`))

await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
server.close()
for (const client of server.clients) client.close(1001)
await once(server, 'close')
gateway.close()
await store.close()
