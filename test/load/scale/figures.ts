/** Figures of the scale programs: processor time, which does not depend on what else the machine does, and the time that passed. */

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { RedisServer } from '../../support/redis.ts'

export interface Row {
  readonly what: string
  readonly value: string
}

/** What work has used. Seconds. */
class Used {
  readonly #node: number
  readonly #redis: number | undefined
  readonly #passed: number

  constructor(node: number, redis: number | undefined, passed: number) {
    this.#node = node
    this.#redis = redis
    this.#passed = passed
  }

  /** For one of `count` operations. */
  each(count: number): string {
    const micros = (seconds: number) => `${((seconds * 1e6) / count).toFixed(1)} µs`
    const redis = this.#redis === undefined ? '' : `, of Redis ${micros(this.#redis)}`
    return `${micros(this.#node)} of Node.js${redis}; ${Math.round(count / this.#passed).toLocaleString('en')}/s`
  }

  inAll(): string {
    const redis = this.#redis === undefined ? '' : `, ${this.#redis.toFixed(2)} s of Redis`
    return `${this.#passed.toFixed(2)} s (${this.#node.toFixed(2)} s of Node.js${redis})`
  }
}

export class Spent {
  readonly #redis: RedisServer | undefined

  constructor(redis: RedisServer | undefined) {
    this.#redis = redis
  }

  async during(work: () => Promise<unknown>): Promise<Used> {
    const [began, node, redis] = [performance.now(), process.cpuUsage(), await this.#redisSeconds()]
    await work()
    const { user, system } = process.cpuUsage(node)
    const after = await this.#redisSeconds()
    const used = after === undefined || redis === undefined ? undefined : after - redis
    return new Used((user + system) / 1e6, used, (performance.now() - began) / 1000)
  }

  async #redisSeconds(): Promise<number | undefined> {
    if (this.#redis === undefined) return undefined
    const [user, system] = await Promise.all(
      ['used_cpu_user', 'used_cpu_sys'].map((name) => this.#redis?.info(name)),
    )
    return Number(user) + Number(system)
  }
}

export function folderBytes(path: string): number {
  const sizes = readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => {
    const stat = statSync(join(path, name))
    // What is on the disk: the file has holes.
    return stat.isFile() ? stat.blocks * 512 : 0
  })
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Memory of a process that is in RAM, in bytes. */
export function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

/** A process and those that it has started. */
export function familyOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return [pid, ...children.map(Number).flatMap(familyOf)]
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function tableOf(rows: readonly Row[]): string {
  return [
    '| what | measured |',
    '| --- | --- |',
    ...rows.map(({ what, value }) => `| ${what} | ${value} |`),
  ].join('\n')
}
