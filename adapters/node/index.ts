/** The entry point `keypackage-gateway`: refuses unsupported Node.js versions, then exports plugin/. */

import './supported.ts'

export * from '../../plugin/index.ts'
