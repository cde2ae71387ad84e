/** How long `import` takes for 100,000 real key packages, against the checks of the same lines alone, on all processors. */

import { spawn } from 'node:child_process'
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { initNostrWasm } from 'nostr-wasm'
import { decodeKeyPackage } from '../../plugin/key-package/decode.ts'
import { vectorHeader } from '../../plugin/key-package/tls-reader.ts'
import { makeKeyPackage } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import type { BenchRow } from './row.ts'

const AUTHORS = 20_000
const PACKAGES_EACH = 5
const BUDGET = 1.5
const CLI = fileURLToPath(new URL('../../../adapters/cli/main.js', import.meta.url))

export async function benchImport(): Promise<BenchRow> {
  const folder = mkdtempSync(join(tmpdir(), 'keypackage-gateway-bench-'))
  try {
    const file = join(folder, 'lines.jsonl')
    await pipeline(Readable.from(packageLines()), createWriteStream(file))
    const before = await checksAlone(file)
    const value = await secondsOf(() => importFile(file, `lmdb:${join(folder, 'store')}`))
    const baseline = (before + (await checksAlone(file))) / 2
    return {
      name: `import of ${(AUTHORS * PACKAGES_EACH).toLocaleString('en')} packages, LMDB`,
      value,
      unit: 's',
      baseline,
      baselineName: `the checks alone, in ${availableParallelism()} threads`,
      ratio: value / baseline,
      budget: `at most ${BUDGET} times the baseline`,
      inside: value <= BUDGET * baseline,
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Each thread checks a part of the lines. */
function checksAlone(file: string): Promise<number> {
  const of = availableParallelism()
  return secondsOf(() =>
    Promise.all(
      Array.from({ length: of }, async (_, part) => {
        const worker = new Worker(new URL('./import-checks.js', import.meta.url), {
          workerData: { file, part, of },
        })
        const [code] = await once(worker, 'exit')
        if (code !== 0) throw new Error('a line was refused')
      }),
    ),
  )
}

async function importFile(file: string, store: string): Promise<void> {
  const child = spawn(process.execPath, [CLI, 'import', file, '--store', store, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const counts = JSON.parse(await text(child.stdout))
  if (counts.stored !== AUTHORS * PACKAGES_EACH) throw new Error(JSON.stringify(counts))
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

/** Events as relays export them: authors one after the other, with fresh keys in each KeyPackage. */
async function* packageLines(): AsyncGenerator<string> {
  const { finalizeEvent } = await initNostrWasm()
  const now = Math.floor(Date.now() / 1000)
  const signer = generateKeyPairSync('ed25519')
  const template = await Template.make(now)
  for (let index = 0; index < AUTHORS; index++) {
    const { pubkey, secretKey } = person(`import ${index}`)
    for (let number = 0; number < PACKAGES_EACH; number++) {
      const bytes = template.signedBy(signer, Buffer.from(pubkey, 'hex'))
      const event = {
        id: '',
        sig: '',
        pubkey,
        kind: 443,
        created_at: now - number,
        tags: [
          ['mls_protocol_version', '1.0'],
          ['mls_ciphersuite', '0x0001'],
          ['mls_extensions', '0xf2ee', '0x000a'],
          ['relays', 'wss://relay.example.com'],
          ['encoding', 'base64'],
        ],
        content: bytes.toString('base64'),
      }
      finalizeEvent(event, secretKey)
      yield `${JSON.stringify(event)}\n`
    }
  }
}

/** A KeyPackage in which keys, identity and signatures are replaced: ts-mls would take minutes for so many. */
class Template {
  readonly #bytes: Buffer
  readonly #places: Readonly<Record<'initKey' | 'encryptionKey' | 'signatureKey' | 'identity', number>>

  static async make(now: number): Promise<Template> {
    return new Template((await makeKeyPackage(person('template'), { now })).bytes)
  }

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes)
    const { initKey, leafNode } = decodeKeyPackage(bytes)
    const { encryptionKey, signatureKey, credential } = leafNode
    const at = (part: Uint8Array) => this.#bytes.indexOf(part)
    this.#places = {
      initKey: at(initKey),
      encryptionKey: at(encryptionKey),
      signatureKey: at(signatureKey),
      identity: at(credential.data),
    }
  }

  signedBy(
    { publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject },
    identity: Buffer,
  ): Buffer {
    const bytes = Buffer.from(this.#bytes)
    const { x = '' } = publicKey.export({ format: 'jwk' })
    const parts = {
      initKey: randomBytes(32),
      encryptionKey: randomBytes(32),
      signatureKey: Buffer.from(x, 'base64url'),
      identity,
    }
    for (const [name, part] of Object.entries(parts))
      bytes.set(part, this.#places[name as keyof typeof parts])
    const { leafNode } = decodeKeyPackage(bytes)
    this.#sign(bytes, leafNode.signed, 'LeafNodeTBS', privateKey)
    const { signed } = decodeKeyPackage(bytes)
    this.#sign(bytes, signed, 'KeyPackageTBS', privateKey)
    return bytes
  }

  /** As SignWithLabel of RFC 9420 section 5.1.2 signs. */
  #sign(
    bytes: Buffer,
    { tbs, signature }: { readonly tbs: Uint8Array; readonly signature: Uint8Array },
    label: string,
    key: KeyObject,
  ): void {
    const place = bytes.indexOf(signature)
    const name = Buffer.from(`MLS 1.0 ${label}`)
    const content = Buffer.concat([vectorHeader(name.length), name, vectorHeader(tbs.length), tbs])
    bytes.set(sign(null, content, key), place)
  }
}
