/** What the relay says about itself, over HTTP: its NIP-11 document. */

import type { ApiSettings } from './api-settings.ts'
import { describe, type TypedApp } from './document.ts'
import { fromStore } from './refusals.ts'
import { informationSchema } from './schemas.ts'

export function informationRoutes(app: TypedApp, { information, log }: ApiSettings): void {
  app.route({
    method: 'GET',
    url: '/information',
    config: { authentication: 'ignored' },
    schema: {
      ...describe({
        id: 'readInformation',
        tag: 'relay',
        summary: 'What the relay says about itself: name, limits, kinds',
        text: 'The relay information document (NIP-11), with `key_packages` of this gateway.',
        authentication: 'ignored',
        refusals: [429, 503],
      }),
      response: { 200: informationSchema },
    },
    handler: async () => ({ ...(await fromStore(log, information)) }),
  })
}
