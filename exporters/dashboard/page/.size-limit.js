// The budgets of the page, gzipped. Names of files change with their content: the manifest knows them.
import { readFileSync } from 'node:fs'
import { BUILT } from './packaging/places.ts'

const manifest = JSON.parse(readFileSync(`${BUILT}/.vite/manifest.json`, 'utf8'))
const chunks = Object.entries(manifest)

/** A chunk and everything that has to be there before it can run. */
function withImports(key, found = new Set()) {
  if (found.has(key)) return found
  found.add(key)
  for (const imported of manifest[key].imports ?? []) withImports(imported, found)
  return found
}

/** The entry, and the pages of src/journeys that `/` opens, whether or not they are loaded apart. */
const first = new Set()
for (const [key, chunk] of chunks) {
  if (chunk.isEntry || (chunk.isDynamicEntry && key.startsWith('src/journeys/'))) withImports(key, first)
}

const paths = (names) => [...new Set(names)].map((name) => `${BUILT}/${name}`)
const named = (name) =>
  paths(chunks.filter(([, chunk]) => chunk.name === name).map(([, chunk]) => chunk.file))

const budgets = [
  { name: 'first load', limit: '170 kB', path: paths([...first].map((key) => manifest[key].file)) },
  { name: 'charts', limit: '200 kB', path: named('charts') },
  { name: 'canvas', limit: '90 kB', path: named('canvas') },
  { name: 'css', limit: '20 kB', path: paths(chunks.flatMap(([, chunk]) => chunk.css ?? [])) },
]

export default budgets.filter((budget) => budget.path.length).map((budget) => ({ ...budget, gzip: true }))
