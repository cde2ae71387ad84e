/** The entry point `keypackage-gateway`: refuses unsupported Node.js versions, then exports plugin/. */

import './supported.ts'

export * from '../../plugin/index.ts'
export { type SignaturePool, type SignaturePoolSettings, signaturePool } from './signature-pool.ts'
