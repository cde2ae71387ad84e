/** Values that a JSON Schema allows, for fast-check: of the keywords that our OpenAPI document uses. */

import fc from 'fast-check'

export interface JsonSchema {
  readonly $ref?: string
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly minItems?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
}

export interface Known {
  /** What a reference stands for. */
  readonly refs: Readonly<Record<string, fc.Arbitrary<unknown>>>
  /** Texts of a pattern that mean something to the server, beside random ones. */
  readonly texts: Readonly<Record<string, fc.Arbitrary<string>>>
}

const MAX_ITEMS = 4
const MAX_INTEGER = 2 ** 31

export function valuesOf(schema: JsonSchema, known: Known): fc.Arbitrary<unknown> {
  const { $ref, enum: values, anyOf, oneOf = anyOf, type } = schema
  if ($ref !== undefined) {
    const referred = known.refs[$ref]
    if (referred === undefined) throw new Error(`no values are known for ${$ref}`)
    return referred
  }
  if ('const' in schema) return fc.constant(schema.const)
  if (values !== undefined) return fc.constantFrom(...values)
  if (oneOf !== undefined) return fc.oneof(...oneOf.map((one) => valuesOf(one, known)))
  switch (type) {
    case 'integer':
      return integersOf(schema)
    case 'string':
      return textsOf(schema, known)
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array':
      return listsOf(schema, known)
    case 'object':
      return objectsOf(schema, known)
    default:
      return fc.jsonValue()
  }
}

function integersOf({ minimum = 0, maximum = MAX_INTEGER }: JsonSchema): fc.Arbitrary<number> {
  return fc.integer({ min: Math.max(minimum, -MAX_INTEGER), max: Math.min(maximum, MAX_INTEGER) })
}

function textsOf({ pattern }: JsonSchema, { texts }: Known): fc.Arbitrary<string> {
  if (pattern === undefined) return fc.string()
  const random = fc.stringMatching(new RegExp(pattern))
  const meaningful = texts[pattern]
  return meaningful === undefined
    ? random
    : fc.oneof({ weight: 4, arbitrary: meaningful }, { weight: 1, arbitrary: random })
}

function listsOf({ items = {}, minItems = 0, maxItems = MAX_ITEMS }: JsonSchema, known: Known) {
  const maxLength = Math.max(minItems, Math.min(maxItems, MAX_ITEMS))
  return fc.array(valuesOf(items, known), { minLength: minItems, maxLength })
}

function objectsOf({ properties = {}, required = [] }: JsonSchema, known: Known) {
  const fields = Object.entries(properties).map(([name, schema]) => [name, valuesOf(schema, known)])
  return fc.record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>, {
    requiredKeys: [...required],
  })
}
