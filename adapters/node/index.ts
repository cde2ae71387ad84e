/** `keypackage-gateway`: what plugin/ exports, on a Node.js that can run it. */

import './supported.ts'

export * from '../../plugin/index.ts'
