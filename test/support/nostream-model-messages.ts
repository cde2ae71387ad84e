/** Which messages the model of nostream reads at all: the same that the real one does, as far as tests go. */

import { z } from 'zod'

const hex = (length: number) =>
  z
    .string()
    .regex(/^[0-9a-f]+$/)
    .length(length)
const time = z.number().int().min(0).max(9_999_999_999)
const id = z.string().min(1).max(256)

const eventSchema = z.strictObject({
  id: hex(64),
  pubkey: hex(64),
  created_at: time,
  kind: z.number().int().min(0),
  tags: z.array(z.tuple([z.string().min(1)]).rest(z.string())),
  content: z.string(),
  sig: hex(128),
})

const named = z.array(z.string().regex(/^[0-9a-f]{4,64}$/))
const filterSchema = z
  .object({
    ids: named.optional(),
    authors: named.optional(),
    kinds: z.array(z.number().int().min(0)).optional(),
    since: time.optional(),
    until: time.optional(),
    limit: z.number().int().min(0).optional(),
    search: z.string().min(1).optional(),
  })
  .catchall(z.array(z.string()))
  .refine(
    (filter) => Object.keys(filter).every((key) => !key.startsWith('#') || key.length === 2),
    'Unknown key',
  )

const filtersSchema = (verb: string) =>
  z
    .tuple([z.literal(verb), id])
    .rest(filterSchema)
    .refine((message) => message.length > 2, 'at least one filter')

export const messageSchema = z.union([
  z.tuple([z.literal('EVENT'), eventSchema]),
  filtersSchema('REQ'),
  z.tuple([z.literal('CLOSE'), z.string().min(1)]),
  filtersSchema('COUNT'),
  z.tuple([z.literal('AUTH'), eventSchema]),
])
