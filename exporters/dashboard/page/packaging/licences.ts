import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Licences that whoever passes Wayfold on can keep by passing on their texts. */
const ALLOWED = new Set(['MIT', 'Apache-2.0', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'OFL-1.1'])
const TEXTS = /^(licen[cs]es?|copying|notice)(\.(txt|md))?$/i

/** A package that is part of the page. */
export interface Package {
  name: string
  version: string
  licence: string
  texts: string[]
}

/** Whether a licence, or a choice of several as SPDX writes it, is one of those that may be in the page. */
export function isAllowed(licence: string): boolean {
  const words = licence.replace(/[()]/g, ' ')
  return words
    .split(/\s+OR\s+/)
    .some((choice) => choice.split(/\s+AND\s+/).every((one) => ALLOWED.has(one.trim())))
}

/** Reads name, version and licence of the packages at `paths` from the lock, their texts from where they are installed. */
export function readPackages(root: string, paths: string[]): Package[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string; license?: string; dev?: boolean }>
  }
  return paths.map((path) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const locked = lock.packages[path]
    if (!locked) throw new Error(`${name} is in the page and not in package-lock.json`)
    return {
      name,
      version: locked.version ?? '',
      licence: locked.license ?? 'none',
      texts: textsOf(join(root, path)),
    }
  })
}

/** Writes THIRD_PARTY.txt. Throws when a licence may not be in the page, or a package has no text of it. */
export function thirdParty(packages: Package[]): string {
  const wrong = packages.filter((one) => !isAllowed(one.licence))
  if (wrong.length) {
    const names = wrong.map((one) => `${one.name} (${one.licence})`).join(', ')
    throw new Error(`licences that may not be in the page: ${names}. Allowed: ${[...ALLOWED].join(', ')}`)
  }
  const silent = packages.filter((one) => one.texts.length === 0).map((one) => one.name)
  if (silent.length) throw new Error(`packages without the text of their licence: ${silent.join(', ')}`)
  const parts = packages.map(
    (one) => `${one.name} ${one.version}\nLicence: ${one.licence}\n\n${one.texts.join('\n\n')}\n`,
  )
  const head = "Wayfold's page contains the packages below, under the licences that follow their names.\n"
  return [head, ...parts].join(`\n${'-'.repeat(80)}\n\n`)
}

function textsOf(folder: string): string[] {
  if (!existsSync(folder)) throw new Error(`${folder} is not installed; run npm ci`)
  return readdirSync(folder)
    .filter((name) => TEXTS.test(name))
    .sort()
    .map((name) => join(folder, name))
    .flatMap((path) =>
      statSync(path).isDirectory() ? readdirSync(path).map((name) => join(path, name)) : [path],
    )
    .map((path) => readFileSync(path, 'utf8').trim())
}
