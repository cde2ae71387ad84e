/** `npm run simulate` */

import { printTable } from './strangers-table.ts'

await printTable((line) => process.stdout.write(`${line}\n`))
