/** The settings as flags of a command: how they are offered, and how they are read. */

import { type Command, Option } from 'commander'
import { loadSettings, type NamedLeaf, namedLeaves } from './settings.ts'
import type { Settings } from './settings-schema.ts'

/** Offers `--config` and the settings below the given keys; all of them where none is given. */
export function addSettings(command: Command, keys?: readonly string[]): Command {
  command.option('--config <file>', 'YAML file with settings; environment variables and flags go before it')
  for (const leaf of namedLeaves()) {
    if (keys?.includes(leaf.path[0] ?? '') ?? true) command.addOption(optionOf(leaf))
  }
  return command
}

/**
 * What the file, the environment and the command's flags say together.
 * @throws SettingsError
 */
export function readSettings(command: Command, env: NodeJS.ProcessEnv): Settings {
  const values = command.opts<Record<string, string | undefined>>()
  const flags = command.options.map((option) => [option.long ?? '', values[option.attributeName()]] as const)
  return loadSettings({ file: values.config, env, flags: Object.fromEntries(flags) })
}

function optionOf({ flag, description, allowed, defaultValue }: NamedLeaf): Option {
  const usual = defaultValue === undefined ? '' : `; default: ${String(defaultValue)}`
  return new Option(`${flag} <value>`, `${description} (${allowed}${usual})`)
}
