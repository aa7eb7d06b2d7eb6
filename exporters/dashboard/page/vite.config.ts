import optimizeLocales from '@react-aria/optimize-locales-plugin'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { bundledPackages } from './packaging/bundled-packages.ts'
import { BUILT } from './packaging/places.ts'

/** Where a development server finds the API: any running host. */
const API = process.env.WAYFOLD_API ?? 'http://127.0.0.1:8080'

// The server writes a nonce of its own into each index.html, in place of this word.
const NONCE_PLACE = '__CSP_NONCE__'

export default defineConfig({
  // Relative: the server's `base` element says where the page lives.
  base: './',
  plugins: [
    fontsWithoutSwap(),
    react(),
    // The page speaks English; the calendar writes its days the British way.
    { ...optimizeLocales.vite({ locales: ['en-US', 'en-GB'] }), enforce: 'pre' },
    bundledPackages(),
    baseElement(),
  ],
  resolve: { alias: { '@': new URL('./src', import.meta.url).pathname } },
  html: { cspNonce: NONCE_PLACE },
  build: {
    // packaging/finish.ts moves it to ../static when it is whole and within its budgets.
    outDir: BUILT,
    emptyOutDir: true,
    sourcemap: false,
    assetsInlineLimit: 0,
    manifest: true,
    target: 'es2023',
    rolldownOptions: {
      output: {
        codeSplitting: {
          // Names that .size-limit.js knows.
          groups: [
            { name: 'charts', test: /node_modules\/(echarts|zrender)\// },
            { name: 'canvas', test: /node_modules\/(@xyflow|@dagrejs|d3-[a-z]+)\// },
          ],
        },
      },
    },
  },
  server: { proxy: { '/v1': API, '/healthz': API, '/readyz': API } },
})

/** What the server puts into index.html, for the development server. */
function baseElement() {
  return {
    name: 'base-element',
    apply: 'serve' as const,
    transformIndexHtml: () => [{ tag: 'base', attrs: { href: '/' }, injectTo: 'head-prepend' as const }],
  }
}

/**
 * A font that comes after the first paint would move what is there already. index.html preloads it, so that
 * it nearly always is in time; where it is not, the system's font stays until the next visit.
 */
function fontsWithoutSwap() {
  return {
    name: 'fonts-without-swap',
    enforce: 'post' as const,
    generateBundle(_: unknown, bundle: Record<string, { type: string; source?: string | Uint8Array }>) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'asset' || typeof file.source !== 'string') continue
        file.source = file.source.replaceAll('font-display:swap', 'font-display:optional')
      }
    },
  }
}
