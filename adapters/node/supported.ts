/** Refuses unsupported Node.js versions. Import it first: modules run in the order of their imports. */

import { requireSupported } from '../../plugin/node-version.ts'

requireSupported(process.versions.node)
