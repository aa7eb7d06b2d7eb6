import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': new URL('./src', import.meta.url).pathname } },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}', 'packaging/**/*.test.ts'],
    // The browser's zone must never be used, so the tests run in an unlikely one.
    env: { TZ: 'Pacific/Chatham' },
    restoreMocks: true,
  },
})
