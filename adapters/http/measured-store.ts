/** Passes everything through to a store, and says how long its calls took and which failed. */

import type { KeyPackageStore } from '../../plugin/store.ts'

/** The calls that are measured: those that ask the store something, and have one answer. */
export const STORE_OPERATIONS = [
  'put',
  'claim',
  'list',
  'count',
  'drop',
  'release',
  'sweep',
  'hit',
  'refund',
  'putRelayList',
  'getRelayLists',
  'dropRelayLists',
  'putAccessRule',
  'dropAccessRule',
  'accessRules',
  'putInformation',
  'information',
  'putFollowList',
  'follows',
  'dropFollowLists',
  'tellRotationDue',
  'countAuthors',
  'stats',
  'keepUrl',
  'changeUrl',
  'rank',
] as const satisfies readonly (keyof KeyPackageStore)[]

type StoreOperation = (typeof STORE_OPERATIONS)[number]

/** Told of each call when it is over. It must not throw. */
export interface StoreCallSink {
  took(operation: StoreOperation, milliseconds: number): void
  failed(operation: StoreOperation): void
}

/** The same store, members of its own included. Answers are the store's own promises, so nobody waits longer for them. */
export function measuredStore<Store extends KeyPackageStore>(store: Store, sink: StoreCallSink): Store {
  const measured = new Map<PropertyKey, unknown>(
    STORE_OPERATIONS.map((operation) => [operation, measure(store, operation, sink)]),
  )
  const passedOn = new Map<PropertyKey, unknown>()
  return new Proxy(store, {
    get(target, name) {
      const known = measured.get(name) ?? passedOn.get(name)
      if (known !== undefined) return known
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      const bound: unknown = member.bind(target)
      passedOn.set(name, bound)
      return bound
    },
  })
}

function measure(store: KeyPackageStore, operation: StoreOperation, sink: StoreCallSink) {
  return (...call: readonly unknown[]): Promise<unknown> => {
    const began = performance.now()
    const answer: Promise<unknown> = Reflect.apply(store[operation], store, call)
    answer.then(
      () => sink.took(operation, performance.now() - began),
      () => {
        sink.took(operation, performance.now() - began)
        sink.failed(operation)
      },
    )
    return answer
  }
}
