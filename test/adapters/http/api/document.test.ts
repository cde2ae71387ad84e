/** The OpenAPI document is valid, and says everything that a generated client needs. */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Validator } from '@seriousme/openapi-schema-validator'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import { judgeBy, type OpenApiDocument, operationsOf } from '../../../support/openapi.ts'
import { type RestServer, startRest } from '../../../support/rest.ts'

let server: RestServer
let document: OpenApiDocument

beforeAll(async () => {
  server = await startRest(memoryStore())
  const { body } = await server.call('GET', '/openapi.json')
  document = body as unknown as OpenApiDocument
})
afterAll(() => server.stop())

describe('/api/v1/openapi.json', () => {
  it('is a valid OpenAPI 3.1 document', async () => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate({ ...structuredClone(document) })
    expect(errors).toBeUndefined()
    expect([valid, validator.version, document.openapi]).toEqual([true, '3.1', '3.1.0'])
  })

  it('names every operation', () => {
    const named = operationsOf(document).map(
      ({ method, path, operationId }) => `${operationId}: ${method} ${path}`,
    )
    expect(named.sort()).toEqual([
      'claimKeyPackages: POST /claims',
      'countKeyPackages: GET /authors/{pubkey}/count',
      'deleteAllOwnPackages: DELETE /packages',
      'deleteOwnPackage: DELETE /packages/{id}',
      'listOwnPackages: GET /packages',
      'markConsumed: POST /packages/{id}/consumed',
      'publishKeyPackages: POST /packages',
      'publishRelayList: POST /relay-lists',
      'readInformation: GET /information',
      'readOwnPackage: GET /packages/{id}',
      'readRelayLists: GET /authors/{pubkey}/relay-lists',
    ])
  })

  it('says where it is, and has all that its references name', () => {
    expect(document.servers).toEqual([{ url: '/api/v1' }])
    const text = JSON.stringify(document)
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name,
    )
    const { schemas } = (document as unknown as { components: { schemas: object } }).components
    expect([...new Set(references)].sort()).toEqual(Object.keys(schemas).sort())
    expect(text).not.toContain('x-refusals')
  })

  it('has a judge that finds what is not declared', () => {
    const [operation] = operationsOf(document).filter(({ operationId }) => operationId === 'countKeyPackages')
    if (operation === undefined) throw new Error('expected it')
    const judge = judgeBy(document)
    const answer = { status: 200, contentType: 'application/json', body: { count: 1 } }
    expect(judge(operation, answer)).toBeUndefined()
    expect(judge(operation, { ...answer, body: { count: 'one' } })).toMatch(/does not match/)
    expect(judge(operation, { ...answer, status: 201 })).toMatch(/not declared/)
    expect(judge(operation, { ...answer, contentType: 'text/html' })).toMatch(/not declared/)
  })
})
