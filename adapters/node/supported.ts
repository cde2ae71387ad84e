/** Refuses a Node.js that is too old. To be imported first: modules are evaluated in the order of their imports. */

import { requireSupported } from '../../plugin/node-version.ts'

requireSupported(process.versions.node)
