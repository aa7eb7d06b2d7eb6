// The last step of a build: licences, compressed copies, and the page put where the server finds it.
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { readPackages, thirdParty } from './licences.ts'
import { BUILT, BUNDLED, STATIC } from './places.ts'

const TEXT = /\.(js|css|svg|txt|json|webmanifest)$/

const bundled = JSON.parse(readFileSync(join(BUILT, BUNDLED), 'utf8')) as string[]
writeFileSync(join(BUILT, 'THIRD_PARTY.txt'), thirdParty(readPackages('.', bundled)))

// What only the build needed.
rmSync(join(BUILT, BUNDLED))
rmSync(join(BUILT, '.vite'), { recursive: true })

for (const name of readdirSync(BUILT, { recursive: true, encoding: 'utf8' })) {
  if (!TEXT.test(name)) continue
  const path = join(BUILT, name)
  const content = readFileSync(path)
  const brotli = { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }
  writeFileSync(`${path}.br`, brotliCompressSync(content, brotli))
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }))
}

rmSync(STATIC, { recursive: true, force: true })
renameSync(BUILT, STATIC)
