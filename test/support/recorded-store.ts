/** A real store that notes each call: how many round trips an answer takes, whatever they take on this machine. */

import type { KeyPackageStore } from '../../plugin/store.ts'

export interface RecordedStore {
  readonly store: KeyPackageStore
  /** The calls since the last time, such as `claim(3)` for one with three claims. */
  takeCalls(): string[]
  /** Resolves once all calls have their answers, those too that nobody waits for. */
  settled(): Promise<void>
}

const SILENT: readonly (string | symbol)[] = [
  'onLowStock',
  'onRotationDue',
  'onPublished',
  'onRemoved',
  'close',
  'clock',
]

export function recordedStore(store: KeyPackageStore): RecordedStore {
  const calls: string[] = []
  const pending = new Set<unknown>()
  const recording = new Proxy(store, {
    get(target, name) {
      const method = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return (...args: readonly unknown[]) => {
        if (!SILENT.includes(name)) calls.push(`${String(name)}(${sizeOf(args[0])})`)
        const answer = Reflect.apply(method, target, args)
        if (answer instanceof Promise) {
          pending.add(answer)
          const done = () => void pending.delete(answer)
          answer.then(done, done)
        }
        return answer
      }
    },
  })
  const settled = async () => {
    while (pending.size > 0) await Promise.allSettled(pending)
  }
  return { store: recording, takeCalls: () => calls.splice(0), settled }
}

function sizeOf(argument: unknown): string {
  return Array.isArray(argument) ? String(argument.length) : ''
}
