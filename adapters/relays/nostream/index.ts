/** What `keypackage-gateway/nostream` exports. */

export { type MessageHandlerFactory, withKeyPackageGateway } from './factory.ts'
export { nostreamRedis } from './redis-address.ts'
