/** How the page is built: two documents, and what they share; each file compressed once, here, rather than for each client. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const outDir = here('../../../dist/page')

export default defineConfig({
  root: here('.'),
  // The page is below any path (`http.path`), so that all its addresses are relative.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  // The checks of key packages are written for Node.js, and run in the browser unchanged.
  resolve: { alias: { 'node:crypto': here('inspection/node-crypto.ts') } },
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    // The Content-Security-Policy allows no `data:` addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // Compressing takes most of the time, which is no fault.
      checks: { bundlerTimings: false, pluginTimings: false },
      input: { index: here('index.html'), operator: here('operator.html') },
      transform: { inject: { Buffer: [here('inspection/node-buffer.ts'), 'Buffer'] } },
    },
  },
  plugins: [compressed()],
})

/** Writes `FILE.br` and `FILE.gz` beside each file. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    writeBundle() {
      const entries = readdirSync(outDir, { recursive: true, withFileTypes: true })
      for (const entry of entries.filter((each) => each.isFile())) {
        const file = join(entry.parentPath, entry.name)
        const bytes = readFileSync(file)
        const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
        writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params }))
        writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }))
      }
    },
  }
}
