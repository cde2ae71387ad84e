/** Reads an OpenAPI document as its clients do: which operations there are, and whether an answer is one that it declares. */

import { Ajv2020 } from 'ajv/dist/2020.js'
import type { JsonSchema } from './json-schema-arbitrary.ts'

interface Parameter {
  readonly in: 'path' | 'query'
  readonly name: string
  readonly required?: boolean
  readonly schema: JsonSchema
}

export interface Operation {
  readonly method: string
  /** With parameters as `{name}`. */
  readonly path: string
  readonly operationId: string
  readonly parameters: readonly Parameter[]
  /** Of a JSON body; undefined if it takes none. */
  readonly body: JsonSchema | undefined
  /** The media types by status. */
  readonly responses: ReadonlyMap<number, readonly string[]>
}

interface Described {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> }
  readonly responses: Readonly<Record<string, { readonly content?: object }>>
}

export interface OpenApiDocument {
  readonly openapi: string
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
}

export function operationsOf({ paths }: OpenApiDocument): Operation[] {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, described]) => ({
      method: method.toUpperCase(),
      path,
      operationId: described.operationId,
      parameters: described.parameters ?? [],
      body: described.requestBody?.content['application/json']?.schema,
      responses: new Map(
        Object.entries(described.responses).map(([status, { content = {} }]) => [
          Number(status),
          Object.keys(content),
        ]),
      ),
    })),
  )
}

export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: unknown
}

/** What is wrong with an answer, by the document; undefined if nothing is. */
export type Judge = (operation: Operation, answer: Answer) => string | undefined

export function judgeBy(document: OpenApiDocument): Judge {
  // The document is no schema as a whole, so its other keywords are unknown.
  const ajv = new Ajv2020({ strict: false })
  ajv.addSchema(document, 'openapi')
  return ({ method, path, responses }, { status, contentType, body }) => {
    const declared = responses.get(status)
    if (declared === undefined) return `status ${status} is not declared`
    const type = contentType.split(';')[0] ?? ''
    if (!declared.includes(type)) return `${type} is not declared for status ${status}`
    const pointer = ['paths', path, method.toLowerCase(), 'responses', `${status}`, 'content', type, 'schema']
    const escaped = pointer.map((part) =>
      encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')),
    )
    const validate = ajv.compile({ $ref: `openapi#/${escaped.join('/')}` })
    return validate(body) ? undefined : `the body does not match: ${ajv.errorsText(validate.errors)}`
  }
}
