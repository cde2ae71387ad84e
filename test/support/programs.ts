/** Programs of this machine that tests run: finds them on PATH, and installs them where a test may. */

import { accessSync, constants, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { run } from './processes.ts'

/** On PATH, or in other folders; undefined where there is none. */
export function onPath(program: string, others: readonly string[] = []): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...others]
  return folders.map((folder) => join(folder, program)).find(isExecutable)
}

/** On Debian, as root, installs a package that brings a program. Rejects where apt fails; does nothing elsewhere. */
export async function installOnDebian(packageName: string, program: string): Promise<void> {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return
  // Several test workers may come here at once: the lock lets one install, and is gone when its holder dies.
  const once = `command -v ${program} || { apt-get update && apt-get install -y --no-install-recommends ${packageName}; }`
  const lock = join(tmpdir(), 'keypackage-gateway-install.lock')
  // In a session of its own, which the watchdog leaves alone: killed half way, dpkg would have to be repaired by hand.
  await run('setsid', ['--wait', 'flock', lock, 'sh', '-c', once], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: 300_000,
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
