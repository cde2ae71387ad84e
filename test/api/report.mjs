/**
 * Writes down what each entry of the package exports, in `test/api/NAME.api.md`, so that a change of the public API shows
 * in a diff. `npm run api` updates the reports; with `--check` (part of `npm run check`) a difference is an error.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor'

const root = fileURLToPath(new URL('../../', import.meta.url))
const temporary = mkdtempSync(join(tmpdir(), 'api-report-'))
const isCheck = process.argv.includes('--check')
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

try {
  const entries = Object.entries(exports).filter(([, { types }]) => types !== undefined)
  const changed = entries.filter(([entry, { types }]) => !isReported(nameOf(entry), types))
  if (changed.length > 0) {
    console.error(`The public API of ${changed.map(([entry]) => entry).join(', ')} has changed: npm run api`)
    process.exitCode = 1
  }
} finally {
  rmSync(temporary, { recursive: true })
}

/**
 * Whether the report of an entry is as it was; without `--check` it is brought up to date.
 * @param {string} name
 * @param {string} types path of its declarations, from the top of the project
 */
function isReported(name, types) {
  const quiet = { default: { logLevel: 'none' } }
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, types),
      compiler: { tsconfigFilePath: join(root, 'tsconfig.json'), skipLibCheck: true },
      apiReport: {
        enabled: true,
        reportFolder: join(root, 'test/api'),
        reportTempFolder: temporary,
        reportFileName: `${name}.api.md`,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: quiet,
        extractorMessageReporting: {
          ...quiet,
          'ae-forgotten-export': { logLevel: 'none', addToApiReportFile: true },
        },
        tsdocMessageReporting: quiet,
      },
    },
    configObjectFullPath: join(root, 'test/api/report.json'),
    packageJsonFullPath: join(root, 'package.json'),
  })
  const { apiReportChanged } = Extractor.invoke(config, {
    localBuild: !isCheck,
    showVerboseMessages: false,
    messageCallback: (message) => {
      message.handled = true
    },
  })
  return !isCheck || !apiReportChanged
}

/** @param {string} entry as in `./nostream/register` */
function nameOf(entry) {
  return entry === '.' ? 'main' : entry.slice(2).replaceAll('/', '-')
}
