/** Which Redis nostream has: its workers share it, so key packages are at home there. */

/** The address that nostream's `src/cache/client.ts` makes of its `REDIS_*` environment variables. */
export function nostreamRedis(env: Readonly<Record<string, string | undefined>>): string {
  const { REDIS_URI, REDIS_HOST = 'localhost', REDIS_PORT = '6379', REDIS_USER, REDIS_PASSWORD } = env
  const address = REDIS_URI || `redis://${REDIS_HOST}:${REDIS_PORT}`
  if (!REDIS_PASSWORD || !URL.canParse(address)) return address
  const url = new URL(address)
  if (!REDIS_URI) url.username = encodeURIComponent(REDIS_USER ?? 'default')
  url.password = encodeURIComponent(REDIS_PASSWORD)
  return url.href
}
