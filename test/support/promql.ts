/** Evaluates the part of PromQL that our dashboard and alerts use, over two scrapes of real metrics. All else it refuses. */

import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'

type Labels = Readonly<Record<string, string>>

export interface Series {
  readonly labels: Labels
  readonly value: number
}

/** The metrics at one time, in seconds. `up` and the labels `job` and `instance` are those that Prometheus adds. */
export interface Scrape {
  readonly at: number
  readonly series: readonly Series[]
}

type Value = number | readonly Series[]

/** Reads the text format of Prometheus. */
export function readScrape(text: string, at: number, added: Labels): Scrape {
  const series = text.split('\n').flatMap((line) => {
    const [, name, inBraces = '', value] = /^([a-z_:]\w*)(?:\{(.*)\})? (\S+)$/i.exec(line) ?? []
    if (name === undefined) return []
    const pairs = [...inBraces.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text])
    return [{ labels: { __name__: name, ...Object.fromEntries(pairs), ...added }, value: Number(value) }]
  })
  return { at, series: [...series, { labels: { __name__: 'up', ...added }, value: 1 }] }
}

/** The selectors in an expression that no series of the scrape matches. */
export function unmatchedSelectors(expression: string, scrape: Scrape): string[] {
  const unmatched: string[] = []
  parse(expression)
    .cursor()
    .iterate(({ name, node }) => {
      if (name !== 'VectorSelector') return
      if (select(expression, node, scrape).length === 0) unmatched.push(textOf(expression, node))
    })
  return unmatched
}

/** @throws Error for a syntax error, or what is not supported here */
export function evaluate(expression: string, before: Scrape, now: Scrape): readonly Series[] {
  const value = new Evaluation(expression, before, now).of(parse(expression))
  return typeof value === 'number' ? [{ labels: {}, value }] : value
}

function parse(expression: string): SyntaxNode {
  const tree = parser.parse(expression)
  tree.iterate({
    enter: ({ type, from }) => {
      if (type.isError) throw new Error(`syntax error at ${from} in ${expression}`)
    },
  })
  const top = tree.topNode.firstChild
  if (top === null) throw new Error('there is no expression')
  return top
}

class Evaluation {
  readonly #text: string
  readonly #before: Scrape
  readonly #now: Scrape

  constructor(text: string, before: Scrape, now: Scrape) {
    this.#text = text
    this.#before = before
    this.#now = now
  }

  of(node: SyntaxNode): Value {
    const [first, second, third] = childrenOf(node)
    switch (node.name) {
      case 'NumberDurationLiteral':
        return Number(textOf(this.#text, node))
      case 'UnaryExpr':
        return -scalar(this.of(present(second)))
      case 'ParenExpr':
        return this.of(present(first))
      case 'VectorSelector':
        return select(this.#text, node, this.#now)
      case 'AggregateExpr':
        return this.#aggregate(node)
      case 'FunctionCall':
        return this.#call(textOf(this.#text, present(first)), childrenOf(present(second)))
      case 'BinaryExpr':
        return this.#combine(present(second).name, this.of(present(first)), this.of(present(third)))
      default:
        throw new Error(`${node.name} is not supported: ${textOf(this.#text, node)}`)
    }
  }

  #call(name: string, args: readonly SyntaxNode[]): Value {
    const [first, second] = args
    switch (name) {
      case 'rate':
        return this.#rate(present(first))
      case 'vector':
        return [{ labels: {}, value: scalar(this.of(present(first))) }]
      case 'histogram_quantile':
        return quantiles(scalar(this.of(present(first))), vector(this.of(present(second))))
      default:
        throw new Error(`the function ${name} is not supported`)
    }
  }

  #rate(range: SyntaxNode): Value {
    const selector = present(childrenOf(range)[0])
    const old = new Map(
      select(this.#text, selector, this.#before).map((series) => [keyOf(series), series.value]),
    )
    const seconds = this.#now.at - this.#before.at
    return select(this.#text, selector, this.#now).flatMap((series) => {
      const before = old.get(keyOf(series))
      const { __name__, ...labels } = series.labels
      return before === undefined ? [] : [{ labels, value: (series.value - before) / seconds }]
    })
  }

  #aggregate(node: SyntaxNode): Value {
    const parts = childrenOf(node)
    const operator = textOf(this.#text, present(parts[0]))
    const modifier = parts.find(({ name }) => name === 'AggregateModifier')
    const body = present(parts.find(({ name }) => name === 'FunctionCallBody'))
    const by = (modifier?.getChild('GroupingLabels')?.getChildren('LabelName') ?? []).map((name) =>
      textOf(this.#text, name),
    )
    const groups = groupBy(vector(this.of(present(body.firstChild))), ({ labels }) =>
      keyOf({ labels: only(labels, by) }),
    )
    return [...groups.values()].map((series) => ({
      labels: only(series[0]?.labels ?? {}, by),
      value: aggregated(
        operator,
        series.map(({ value }) => value),
      ),
    }))
  }

  #combine(operator: string, left: Value, right: Value): Value {
    if (operator === 'Or') {
      const known = new Set(vector(left).map(keyOf))
      return [...vector(left), ...vector(right).filter((series) => !known.has(keyOf(series)))]
    }
    if (operator === 'And') {
      const wanted = new Set(vector(right).map(keyOf))
      return vector(left).filter((series) => wanted.has(keyOf(series)))
    }
    if (typeof left === 'number')
      return vector(right).flatMap((series) => combined(operator, series, left, series.value))
    const others =
      typeof right === 'number' ? undefined : new Map(right.map((series) => [keyOf(series), series.value]))
    return left.flatMap((series) => {
      const other = typeof right === 'number' ? right : others?.get(keyOf(series))
      return other === undefined ? [] : combined(operator, series, series.value, other)
    })
  }
}

/** A comparison keeps the series for which it holds. */
function combined(operator: string, { labels }: Series, left: number, right: number): Series[] {
  const { __name__, ...others } = labels
  switch (operator) {
    case 'Gtr':
      return left > right ? [{ labels, value: left }] : []
    case 'Gte':
      return left >= right ? [{ labels, value: left }] : []
    case 'Eql':
      return left === right ? [{ labels, value: left }] : []
    case 'Mul':
      return [{ labels: others, value: left * right }]
    case 'Div':
      return [{ labels: others, value: left / right }]
    default:
      throw new Error(`the operator ${operator} is not supported`)
  }
}

function aggregated(operator: string, values: readonly number[]): number {
  if (operator === 'sum') return values.reduce((sum, value) => sum + value, 0)
  if (operator === 'max') return Math.max(...values)
  if (operator === 'min') return Math.min(...values)
  throw new Error(`${operator} is not supported`)
}

function quantiles(share: number, buckets: readonly Series[]): Series[] {
  const groups = groupBy(buckets, ({ labels: { le, ...labels } }) => keyOf({ labels }))
  return [...groups.values()].map((group) => {
    const { le, ...labels } = group[0]?.labels ?? {}
    const bounds = group
      .map(({ labels, value }) => ({
        bound: labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le),
        value,
      }))
      .sort((a, b) => a.bound - b.bound)
    const rank = share * (bounds.at(-1)?.value ?? 0)
    const found = bounds.find(({ value }) => value >= rank)
    return { labels, value: rank > 0 ? (found?.bound ?? Number.NaN) : Number.NaN }
  })
}

function select(text: string, selector: SyntaxNode, { series }: Scrape): Series[] {
  const name = textOf(text, present(selector.getChild('Identifier')))
  const matchers = selector.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []
  const tests = matchers.map((matcher) => {
    const [label, operator, literal] = childrenOf(matcher)
    return test(
      textOf(text, present(label)),
      textOf(text, present(operator)),
      textOf(text, present(literal)).slice(1, -1),
    )
  })
  return series.filter(({ labels }) => labels.__name__ === name && tests.every((holds) => holds(labels)))
}

function test(label: string, operator: string, value: string): (labels: Labels) => boolean {
  const pattern = new RegExp(`^(?:${value})$`)
  const isEqual = (labels: Labels) =>
    operator.includes('~') ? pattern.test(labels[label] ?? '') : (labels[label] ?? '') === value
  return operator.startsWith('!') ? (labels) => !isEqual(labels) : isEqual
}

function groupBy(series: readonly Series[], keyFor: (series: Series) => string): Map<string, Series[]> {
  const groups = new Map<string, Series[]>()
  for (const each of series) groups.set(keyFor(each), [...(groups.get(keyFor(each)) ?? []), each])
  return groups
}

function only(labels: Labels, names: readonly string[]): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => names.includes(name)))
}

function keyOf({ labels: { __name__, ...labels } }: Pick<Series, 'labels'>): string {
  return JSON.stringify(Object.entries(labels).sort())
}

function vector(value: Value): readonly Series[] {
  if (typeof value === 'number') throw new Error('a vector is needed')
  return value
}

function scalar(value: Value): number {
  if (typeof value !== 'number') throw new Error('a number is needed')
  return value
}

function present<Node>(node: Node | null | undefined): Node {
  if (node === null || node === undefined) throw new Error('a part of the expression is missing')
  return node
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = []
  for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child)
  return children
}

function textOf(text: string, { from, to }: SyntaxNode): string {
  return text.slice(from, to)
}
