/** On which Node.js this runs: the `engines` of package.json. Older ones have to run this file, so that it can refuse them. */

const OLDEST = { major: 20, minor: 19 }

/**
 * What there is against this Node.js; undefined where it is supported.
 * @param version as in `process.versions.node`; undefined where there is none, as in browsers
 */
export function objectionTo(version: string | undefined): string | undefined {
  if (version === undefined) return undefined
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)) return undefined
  return `keypackage-gateway requires Node.js ${OLDEST.major}.${OLDEST.minor} or newer; this is Node.js ${version}`
}

/** @throws Error where the version is not supported: on it, a claim would fail after its packages are spent */
export function requireSupported(version: string | undefined): void {
  const objection = objectionTo(version)
  if (objection !== undefined) throw new Error(objection)
}
