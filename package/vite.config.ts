import { join } from 'node:path'
import { defineConfig, type UserConfig } from 'vite'
import { NO_WEBRTC_ADAPTER, virtualModules } from '../vite.config.ts'
import { declarations } from './declarations.ts'

const ROOT = join(import.meta.dirname, '..')
const WEB = join(ROOT, 'web')
const OUT = join(ROOT, 'dist/package')

/**
 * What others import, to dist/package. Modes: `modules` (dependencies stay imports, for bundlers and Node) and `standalone` (one
 * file, for pages without a bundler). The sandbox is text in both: nobody needs this configuration to use them.
 */
export default defineConfig(({ mode }) => (mode === 'standalone' ? standalone() : modules()))

function modules(): UserConfig {
  return {
    root: ROOT,
    publicDir: false,
    plugins: [virtualModules(), declarations(OUT)],
    build: {
      outDir: OUT,
      emptyOutDir: true,
      target: 'es2022',
      minify: false,
      lib: {
        entry: { index: join(WEB, 'browser.ts'), react: join(WEB, 'react-hooks/index.ts') },
        formats: ['es'],
      },
      rolldownOptions: {
        external: [/^react($|\/)/, 'idb', 'peerjs'],
        output: { chunkFileNames: '[name]-[hash].js' },
      },
    },
  }
}

function standalone(): UserConfig {
  return {
    root: ROOT,
    publicDir: false,
    plugins: [virtualModules()],
    define: { 'process.env.NODE_ENV': '"production"' },
    resolve: { alias: [NO_WEBRTC_ADAPTER] },
    build: {
      outDir: OUT,
      emptyOutDir: false,
      target: 'es2022',
      lib: { entry: { standalone: join(WEB, 'browser.ts') }, formats: ['es'] },
      rolldownOptions: { output: { codeSplitting: false } },
    },
  }
}
