/** A thread that checks its part of the lines of an import, and does nothing else with them. */

import { readFileSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { createVerifier } from '../../adapters/node/verify-event.ts'
import { checkKeyPackage } from '../../plugin/key-package/validate.ts'
import { resolveOptions } from '../../plugin/options.ts'

const { file, part, of } = workerData as { file: string; part: number; of: number }
const now = Math.floor(Date.now() / 1000)
const verifyEvent = await createVerifier()
const rules = { ...resolveOptions({}), authenticatedAs: new Set<string>(), verifyEvent }
for (const [index, line] of readFileSync(file, 'utf8').trimEnd().split('\n').entries()) {
  if (index % of === part) checkKeyPackage(JSON.parse(line), rules, now)
}
