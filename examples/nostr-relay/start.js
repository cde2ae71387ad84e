/** Starts the relay, its key packages in LMDB: `node examples/nostr-relay/start.js`. */

import { KeyPackageGateway } from 'keypackage-gateway'
import { lmdbStore } from 'keypackage-gateway/lmdb'
import { startRelay } from './relay.js'

const { HOST: host = '127.0.0.1', PORT: port = '7447', DATA: path = './data/keypackages' } = process.env
const store = lmdbStore({ path })
const publicUrl = `ws://${host}:${port}`
const gateway = new KeyPackageGateway({ store, publicUrl, profile: 'marmot', log: console })
setInterval(() => gateway.sweep().catch(console.error), 3_600_000)
const server = startRelay({ gateway, host, port: Number(port) })
server.on('listening', () => console.log(`listening on ${publicUrl}`))
