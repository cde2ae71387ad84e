/** The targets by name. Each is loaded when it is opened, so that only its own part is measured. */

import type { Target } from './target.ts'

const TARGETS: Readonly<Record<string, () => Promise<{ readonly target: Target }>>> = {
  'key-package-bytes': () => import('./targets/key-package-bytes.ts'),
  'key-package-fields': () => import('./targets/key-package-fields.ts'),
  publish: () => import('./targets/publish.ts'),
  session: () => import('./targets/session.ts'),
  auth: () => import('./targets/auth.ts'),
  'client-frame': () => import('./targets/client-frame.ts'),
  'relay-frame': () => import('./targets/relay-frame.ts'),
  'http-auth': () => import('./targets/http-auth.ts'),
  rest: () => import('./targets/rest.ts'),
  'request-target': () => import('./targets/request-target.ts'),
  strfry: () => import('./targets/strfry.ts'),
  settings: () => import('./targets/settings.ts'),
}

export const TARGET_NAMES: readonly string[] = Object.keys(TARGETS)

/** @throws Error where there is no such target */
export async function openTarget(name: string): Promise<Target> {
  const load = TARGETS[name]
  if (load === undefined) throw new Error(`there is no target ${name}; there are ${TARGET_NAMES.join(', ')}`)
  return (await load()).target
}
