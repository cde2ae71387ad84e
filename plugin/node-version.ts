/** The supported Node.js versions, as `engines` in package.json. Older versions must be able to parse this file. */

const MIN_VERSION = { major: 20, minor: 19 }

/**
 * Why this version of Node.js is not supported; undefined if it is.
 * @param version as in `process.versions.node`; undefined in browsers
 */
export function unsupportedReason(version: string | undefined): string | undefined {
  if (version === undefined) return undefined
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > MIN_VERSION.major || (major === MIN_VERSION.major && minor >= MIN_VERSION.minor))
    return undefined
  return `keypackage-gateway requires Node.js ${MIN_VERSION.major}.${MIN_VERSION.minor} or newer; this is Node.js ${version}`
}

/** @throws Error if the version is not supported: on it, a claim would fail after its packages are spent */
export function requireSupported(version: string | undefined): void {
  const reason = unsupportedReason(version)
  if (reason !== undefined) throw new Error(reason)
}
