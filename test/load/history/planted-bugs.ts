/** Bugs as they are planted into a copy of the built project, and the fault under which the checker finds each. */

import type { TermsName } from './terms.ts'

export interface PlantedBug {
  readonly name: string
  /** Below `dist/`. */
  readonly file: string
  readonly right: string
  readonly wrong: string
  readonly fault: string
  readonly terms: TermsName
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'one claim in a thousand spends nothing',
    file: 'plugin/stock/claim.js',
    right: 'const left = stock.packages.filter((pkg) => !spent.includes(pkg));',
    wrong:
      'const left = Math.random() < 0.001 ? stock.packages : stock.packages.filter((pkg) => !spent.includes(pkg));',
    fault: 'none-lmdb',
    terms: 'spending',
  },
  {
    name: 'one claim in a thousand spends nothing, on the fast path of Redis',
    file: 'adapters/storage/redis/claim.lua',
    right: "change('fresh', sub(fresh, wanted * ROW + 1))",
    wrong: "if call('TIME')[2] % 1000 ~= 0 then change('fresh', sub(fresh, wanted * ROW + 1)) end",
    fault: 'none-redis',
    terms: 'spending',
  },
  {
    name: 'a quota has room a second too early',
    file: 'plugin/stock/windows.js',
    right: 'window.findIndex(([at]) => at > now - windowSeconds)',
    wrong: 'window.findIndex(([at]) => at > now - windowSeconds + 1)',
    fault: 'none-lmdb',
    terms: 'tight',
  },
  {
    name: 'a quota has room a second too early, on the fast path of Redis',
    file: 'adapters/storage/redis/window.lua',
    right: '<= now - windowSeconds do',
    wrong: '<= now - windowSeconds + 1 do',
    fault: 'none-redis',
    terms: 'tight',
  },
  {
    name: 'a claim that could not be sent is not released',
    file: 'plugin/request/undoable-claims.js',
    right: 'await store.release(this.author, idsOf(packages), now());',
    wrong: '',
    fault: 'leave-held-lmdb',
    terms: 'spending',
  },
  {
    name: 'commit.lua does not compare versions',
    file: 'adapters/storage/redis/commit.lua',
    right: "if (redis.call('HGET', KEYS[1], 'version') or '') ~= ARGV[1] then",
    wrong: "if ARGV[1] == '?' then",
    fault: 'none-redis',
    terms: 'default',
  },
  {
    name: 'a restarted gateway forgets deletions',
    file: 'adapters/storage/lmdb/packages.js',
    right: 'transaction.useFormat();\n    const record = authors.get(author);',
    // Each process once for each author.
    wrong: `transaction.useFormat();
    const heardOf = (globalThis.heardOf ??= new Set());
    const { deletions, ...others } = authors.get(author) ?? {};
    const record = heardOf.has(author) || others.packages === undefined ? authors.get(author) : others;
    heardOf.add(author);`,
    fault: 'kill-gateway-lmdb',
    terms: 'default',
  },
  {
    name: 'only the first author of an unsent answer is released',
    file: 'plugin/request/undoable-claims.js',
    right: 'await Promise.all(claims.map((claim) => claim.release()));',
    wrong: 'await Promise.all(claims.slice(0, 1).map((claim) => claim.release()));',
    fault: 'leave-held-lmdb',
    terms: 'spending',
  },
]
