/** Which methods each path takes, for those who try another (RFC 9110 section 15.5.6). */

export class RouteTable {
  readonly #routes: { readonly pattern: RegExp; readonly methods: Set<string> }[] = []

  /** @param path with parameters as `:name` */
  add(method: string | readonly string[], path: string): void {
    const source = `^${path.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/:\w+/g, '[^/]+')}$`
    const known = this.#routes.find(({ pattern }) => pattern.source === new RegExp(source).source)
    const route = known ?? { pattern: new RegExp(source), methods: new Set<string>() }
    if (known === undefined) this.#routes.push(route)
    for (const one of [method].flat()) route.methods.add(one)
  }

  /** Empty if there is no such path. */
  methodsAt(target: string): readonly string[] {
    const [path = ''] = target.split('?')
    const route = this.#routes.find(({ pattern }) => pattern.test(path))
    return route === undefined ? [] : [...route.methods].sort()
  }
}
