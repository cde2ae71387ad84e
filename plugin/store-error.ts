/** The error of a store that cannot be used; its message tells the operator what to do. */

/** Thrown when a store cannot be opened, is closed, or could not commit. `cause` is the driver's error. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code = 'KPG_STORE'
}
