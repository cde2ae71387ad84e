import { createSlotId, restoreKeyPackage, serialiseKeyPackage } from 'keypackage-gateway/client'

/** Opens the database of one user. Whoever can run code on this page can read the private keys in it. */
export async function openKeyPackages(pubkey) {
  const opening = indexedDB.open(`key-packages of ${pubkey}`, 1)
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore('packages', { keyPath: 'ref' })
    opening.result.createObjectStore('device')
  }
  const database = await new Promise((resolve, reject) => {
    opening.onsuccess = () => resolve(opening.result)
    opening.onerror = () => reject(opening.error)
  })

  /** One transaction. Resolves to the result of the request that `act` returns, once it is written. */
  const run = (name, mode, act) =>
    new Promise((resolve, reject) => {
      const transaction = database.transaction(name, mode, { durability: 'strict' })
      const request = act(transaction.objectStore(name))
      transaction.oncomplete = () => resolve(request.result)
      transaction.onabort = () => reject(transaction.error)
    })

  return {
    /** Before the package is published: a relay may hand it out at once. */
    async keep(own) {
      const stored = await serialiseKeyPackage(own)
      await run('packages', 'readwrite', (packages) => packages.put(stored))
      return stored.ref
    },
    /** The package and its private keys, to join a group with; undefined if it is not known. */
    async find(ref) {
      const stored = await run('packages', 'readonly', (packages) => packages.get(ref))
      return stored && restoreKeyPackage(stored)
    },
    /** Once a one-time package was used, or another package has taken the slot. */
    async forget(ref) {
      await run('packages', 'readwrite', (packages) => packages.delete(ref))
    },
    /** The slot of this device, made the first time. Whoever loses the keys loses it too, and gets a new one. */
    async slot() {
      let slot = createSlotId()
      await run('device', 'readwrite', (device) => {
        const known = device.get('slot')
        known.onsuccess = () => {
          slot = known.result ?? slot
          device.put(slot, 'slot')
        }
        return known
      })
      return slot
    },
    close: () => database.close(),
  }
}
