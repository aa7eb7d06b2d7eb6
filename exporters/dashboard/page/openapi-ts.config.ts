import { defineConfig } from '@hey-api/openapi-ts'

/** The types of the API's answers, from the same document that its users read. */
export default defineConfig({
  input: '../../../docs/openapi.json',
  output: 'src/api/generated',
  plugins: ['@hey-api/typescript'],
})
