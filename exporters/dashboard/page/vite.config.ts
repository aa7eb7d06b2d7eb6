import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** Where a development server finds the API: any running host. */
const API = process.env.WAYFOLD_API ?? 'http://127.0.0.1:8080'

// The server writes a nonce of its own into each index.html, in place of this word.
const NONCE_PLACE = '__CSP_NONCE__'

export default defineConfig({
  // Relative: the server's `base` element says where the page lives.
  base: './',
  plugins: [react()],
  html: { cspNonce: NONCE_PLACE },
  build: {
    outDir: '../static',
    emptyOutDir: true,
    sourcemap: false,
    assetsInlineLimit: 0,
    manifest: true,
    target: 'es2023',
  },
  server: { proxy: { '/v1': API, '/healthz': API, '/readyz': API } },
})
