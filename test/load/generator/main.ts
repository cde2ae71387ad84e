/** `npm run load`: see README.md beside this folder, or `--help`. */

import { readOptions } from './options.ts'
import { reportLines } from './report.ts'
import { runLoad } from './run.ts'

const options = readOptions(process.argv.slice(2))
if (typeof options === 'string') process.stdout.write(options)
else {
  try {
    const say = (line: string) => void process.stderr.write(`${line}\n`)
    const result = await runLoad(options, say)
    const lines = options.print === 'json' ? [JSON.stringify(result)] : reportLines(result)
    process.stdout.write(`${lines.join('\n')}\n`)
    const isRight = result.verdict.violations.length === 0 && result.grown.every(({ isFlat }) => isFlat)
    process.exitCode = isRight ? 0 : 1
  } finally {
    await globalThis.tidyUp?.()
  }
}
