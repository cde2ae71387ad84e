/** What the help looks like: groups, examples, lines of at most 80 columns, and the first screen. */

import { styleText } from 'node:util'
import { type Command, Help } from 'commander'
import type { CommandEntry } from './commands.ts'

const NAME = 'keypackage-gateway'
/** Longer lines are hard to read on a wide terminal. */
const MAX_WIDTH = 80
/** A term that is wider has its description on the next line. */
const TERM_WIDTH = 22
const INDENT = 2
const GAP = 3

/** What `keypackage-gateway` alone says. */
const FIRST_SCREEN: CommandEntry['examples'] = [
  ['demo', 'see it work, in a few seconds'],
  ['serve', 'run a relay for key packages'],
  ['serve --upstream ws://...', 'the same, in front of a relay'],
  ['check', 'look whether all is ready'],
  ['--help', 'list all commands'],
]

/** Commander's own help, in another layout. Commander itself leaves out the styles where there is no terminal. */
export function configureHelp(program: Command): Command {
  return program
    .configureHelp({
      padWidth: () => TERM_WIDTH,
      formatItem,
      // The allowed values are part of the description already.
      optionDescription: ({ description }) => description,
      styleTitle: (text) => styleText('bold', text, NO_STREAM),
      styleCommandText: (text) => styleText('cyan', text, NO_STREAM),
      styleSubcommandText: (text) => styleText('cyan', text, NO_STREAM),
      styleOptionText: (text) => styleText('cyan', text, NO_STREAM),
      styleArgumentText: (text) => styleText('cyan', text, NO_STREAM),
    })
    .configureOutput({
      getOutHelpWidth: () => Math.min(process.stdout.columns || MAX_WIDTH, MAX_WIDTH),
      getErrHelpWidth: () => Math.min(process.stderr.columns || MAX_WIDTH, MAX_WIDTH),
    })
}

/** Node.js looks at no stream whether it has colours: Commander does that. */
const NO_STREAM = { validateStream: false }

/** Adds the examples, which Commander prints after the options. */
export function addExamples(command: Command, { examples }: CommandEntry): Command {
  return command.addHelpText('after', ({ error }) => {
    const helper = command.createHelp()
    helper.prepareContext({ error, helpWidth: MAX_WIDTH })
    return ['', helper.styleTitle('Examples:'), ...exampleLines(examples)].join('\n')
  })
}

/** The program's usage, and what to try next. */
export function firstScreen(): string {
  return [
    `Usage: ${NAME} <command> [options]`,
    '',
    'Hands out each MLS key package on Nostr to one requester.',
    '',
    'Try next:',
    ...exampleLines(FIRST_SCREEN),
    '',
  ].join('\n')
}

/** Each meaning beside its command if all fit there, else on the lines below. */
function exampleLines(examples: CommandEntry['examples']): string[] {
  const calls = examples.map(([args, meaning]) => ({ call: `  ${NAME} ${args}`, meaning }))
  const column = Math.max(...calls.map(({ call }) => call.length)) + GAP
  const fit = calls.every(({ meaning }) => column + meaning.length <= MAX_WIDTH)
  return calls.flatMap(({ call, meaning }) =>
    fit ? [call.padEnd(column) + meaning] : [call, `      ${meaning}`],
  )
}

/** One option, argument or command with its description. */
function formatItem(term: string, _width: number, description: string, helper: Help): string {
  const isShort = helper.displayWidth(term) <= TERM_WIDTH
  if (isShort) return Help.prototype.formatItem.call(helper, term, TERM_WIDTH, description, helper)
  const column = INDENT + TERM_WIDTH + INDENT
  const width = (helper.helpWidth ?? MAX_WIDTH) - column
  const lines = helper.boxWrap(description, width).split('\n')
  return [`${' '.repeat(INDENT)}${term}`, ...lines.map((line) => ' '.repeat(column) + line)].join('\n')
}
