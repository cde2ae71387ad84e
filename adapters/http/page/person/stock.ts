/** A person's own packages on this relay: reading and deleting them over REST. */

import type { OwnPackage } from '../../../../plugin/lifecycle/own-stock.ts'
import { request } from '../shared/requests.ts'
import type { Signer } from '../shared/signer.ts'

export interface Stock {
  readonly packages: readonly OwnPackage[]
  /** Below so many fresh packages the relay asks for more. */
  readonly low: number
  /** Maximum one-time packages. */
  readonly max: number
}

export async function readStock(signer: Signer): Promise<Stock> {
  return (await request('api/v1/packages', { signer })) as Stock
}

export async function deletePackage(signer: Signer, id: string): Promise<void> {
  await request(`api/v1/packages/${id}`, { method: 'DELETE', signer })
}

export async function deleteEverything(signer: Signer): Promise<void> {
  await request('api/v1/packages', { method: 'DELETE', signer })
}

export function freshIn({ packages }: Stock): number {
  return packages.filter(({ state }) => state === 'fresh').length
}
