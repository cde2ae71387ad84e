/** The `KPG_*` environment variables: which are settings, which a container platform sets, and which are mistakes. */

import { closestTo } from './closest.ts'

export const VARIABLE_PREFIX = 'KPG_'
/** Names a YAML file with settings, as `--config` does. */
export const CONFIG_VARIABLE = 'KPG_CONFIG'

/** What names a variable of a Service or container that is called `kpg`, or `kpg-` and something. */
const OF_A_SERVICE = /^KPG_(?:\w+_)?/
const SERVICE_HOST_OR_PORT = new RegExp(`${OF_A_SERVICE.source}SERVICE_(?:HOST|PORT(?:_\\w+)?)$`)
const LINK = new RegExp(`${OF_A_SERVICE.source}PORT(?:_\\d+_(?:TCP|UDP|SCTP))?$`)
const PART_OF_LINK = new RegExp(`${OF_A_SERVICE.source}PORT_\\d+_(?:TCP|UDP|SCTP)_(?:PROTO|PORT|ADDR)$`)
/** `docker run --link` sets these, beside those of a link. */
const LINKED_CONTAINER = new RegExp(`${OF_A_SERVICE.source}(?:NAME$|ENV_)`)

/**
 * One line for each variable that is no setting. `KPG_LISTN` is a mistake, but not what Kubernetes sets in every container
 * beside a Service named `kpg`, or Docker for a container linked as `kpg`: `KPG_SERVICE_HOST`, `KPG_PORT=tcp://10.0.0.1:7447`.
 */
export function unknownVariables(
  env: Readonly<Record<string, string | undefined>>,
  settings: readonly string[],
): string[] {
  const known = [CONFIG_VARIABLE, ...settings]
  const isLinked = Object.entries(env).some(([name, value]) => LINK.test(name) && isLink(value))
  return Object.entries(env)
    .filter(([name]) => name.startsWith(VARIABLE_PREFIX) && !known.includes(name))
    .filter(([name, value]) => !isSetByPlatform(name, value, isLinked))
    .map(([name]) => `${name}: unknown setting; expected ${similarTo(name, known)}`)
}

/** @param isLinked whether there is a link, without which Docker sets no other variable */
function isSetByPlatform(name: string, value: string | undefined, isLinked: boolean): boolean {
  if (SERVICE_HOST_OR_PORT.test(name) || PART_OF_LINK.test(name)) return true
  if (LINK.test(name)) return isLink(value)
  return isLinked && LINKED_CONTAINER.test(name)
}

function isLink(value = ''): boolean {
  return /^(?:tcp|udp|sctp):\/\//.test(value)
}

/** The closest variable, else those that begin with the same word. */
function similarTo(name: string, known: readonly string[]): string {
  const closest = closestTo(name, known)
  if (closest !== undefined) return closest
  const [, word] = name.split('_')
  const similar = known.filter((other) => other.split('_')[1] === word)
  if (similar.length > 0) return similar.join(', ')
  return 'KPG_ and the name of a flag of `keypackage-gateway serve --help`, as in KPG_PUBLIC_URL for --public-url'
}
