/** Why a store cannot be used, in a sentence that says what to do about it. */

/** Thrown by stores: they cannot be opened, are closed, or could not commit. `cause` is the driver's own error. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code = 'KPG_STORE'
}
