/** How Stryker tests the rules by mutation: what it changes, and which tests should notice, the quick ones first. */

const STOCK = 'test/plugin/stock'
const KEY_PACKAGE = 'test/plugin/key-package'

/** The tests of each part. A mutant is tested with those of them that reach it, until one fails. */
const PARTS = {
  'plugin/stock': [
    'test/adapters/storage/memory.test.ts',
    ...filesIn(STOCK, 'bookkeeping', 'deletions', 'deliveries', 'leaving', 'takes', 'windows', 'selection'),
    ...filesIn(STOCK, 'former-names', 'rows', 'record', 'reserve', 'strangers', 'stock'),
  ],
  'plugin/key-package': [
    ...filesIn(
      KEY_PACKAGE,
      'tags',
      'encoding',
      'package-checks',
      'event-checks',
      'real-clients',
      'inspection',
    ),
    ...filesIn(KEY_PACKAGE, 'receivers', 'marmot', 'validate', 'decode', 'signatures'),
    'test/plugin/publishing.test.ts',
  ],
  'plugin/session.ts': [
    ...filesIn('test/plugin', 'session', 'gateway', 'publishing', 'observer'),
    'test/plugin/nostr/identity.test.ts',
    'test/plugin/lifecycle/*.test.ts',
    'test/plugin/request/*.test.ts',
    ...filesIn('test/plugin', 'invariants-early', 'malformed'),
  ],
}

/** The files that `--mutate` names; without it, those of all parts. */
const files = process.argv.find((_, index) => process.argv[index - 1] === '--mutate') ?? ''
const parts = Object.keys(PARTS).filter((part) => files.startsWith(part))

export default {
  mutate: ['plugin/stock/*.ts', 'plugin/session.ts', 'plugin/key-package/*.ts'],
  testRunner: 'mocha',
  mochaOptions: { spec: (parts.length > 0 ? parts : Object.keys(PARTS)).flatMap((part) => PARTS[part]) },
  testRunnerNodeArgs: ['--no-experimental-require-module', '--import', './test/mutation/loader.mjs'],
  coverageAnalysis: 'perTest',
  // Constants of a module take a process for each mutant. test/mutation/README.md says what they are.
  ignoreStatic: true,
  concurrency: 2,
  timeoutMS: 60_000,
  timeoutFactor: 3,
  dryRunTimeoutMinutes: 60,
  reporters: ['progress-append-only', 'clear-text', 'json', 'html'],
  clearTextReporter: { logTests: false, reportTests: false, allowEmojis: false, skipFull: true },
  jsonReporter: { fileName: 'test/output/mutation/report.json' },
  htmlReporter: { fileName: 'test/output/mutation/report.html' },
  tempDirName: 'dist/mutation',
  ignorePatterns: ['dist', 'test/output', 'examples', 'adapters/http/page'],
  // Reading it takes the programming interface of TypeScript 6.
  tsconfigFile: 'none',
}

function filesIn(folder, ...names) {
  return names.map((name) => `${folder}/${name}.test.ts`)
}
