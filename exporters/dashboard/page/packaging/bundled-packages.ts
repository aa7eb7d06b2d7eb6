import type { Plugin } from 'vite'
import { BUNDLED } from './places.ts'

/** Path of the innermost package that a file belongs to, from the folder of package.json; none for our own. */
export function packageOf(file: string): string | undefined {
  const from = file.indexOf('node_modules/')
  if (from < 0) return undefined
  const found = file.slice(from).match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/)
  return found?.[0]
}

/** Lists the packages that came into the bundle, code that was left out not counted. */
export function bundledPackages(): Plugin {
  return {
    name: 'bundled-packages',
    apply: 'build',
    generateBundle(_, bundle) {
      const packages = new Set<string>()
      for (const output of Object.values(bundle)) {
        const files =
          output.type === 'asset'
            ? output.originalFileNames
            : Object.entries(output.modules)
                .filter(([file, module]) => module.renderedLength > 0 || file.endsWith('.css'))
                .map(([file]) => file)
        for (const file of files) {
          const found = packageOf(file)
          if (found) packages.add(found)
        }
      }
      this.emitFile({ type: 'asset', fileName: BUNDLED, source: JSON.stringify([...packages].sort()) })
    },
  }
}
