/** The `audit` settings: whether an audit log is kept, where, and whom it names. */

import { z } from 'zod'

export const auditOptionsSchema = z.strictObject({
  to: z
    .enum(['off', 'log', 'file'])
    .default('off')
    .describe('Where publishes, claims, refusals and what else becomes of key packages is written down'),
  path: z
    .string()
    .min(1)
    .default('./data/audit.jsonl')
    .describe('The file of the audit log; on SIGHUP it is opened anew'),
  hashRequesters: z
    .boolean()
    .default(true)
    .describe(
      'Whether the audit log has a hash for each requester, another each day, in place of who it was',
    ),
})

export type AuditOptions = z.output<typeof auditOptionsSchema>
