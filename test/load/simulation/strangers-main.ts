/** `npm run simulate`: prints the table. */

import { printTable } from './strangers-table.ts'

await printTable((line) => process.stdout.write(`${line}\n`))
