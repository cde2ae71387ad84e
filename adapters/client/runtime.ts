/** Refuses a Node.js that is too old, before a package is claimed that it could not read; browsers have no version to look at. */

import { requireSupported } from '../../plugin/node-version.ts'

requireSupported(globalThis.process?.versions?.node)
