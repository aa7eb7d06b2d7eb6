import { describe, expect, it } from 'vitest'
import { packageOf } from './bundled-packages.ts'
import { isAllowed, type Package, thirdParty } from './licences.ts'

const react: Package = { name: 'react', version: '19.3.1', licence: 'MIT', texts: ['Permission is granted'] }

describe('licences', () => {
  it('takes permissive licences, and choices with a permissive one', () => {
    expect(isAllowed('MIT')).toBe(true)
    expect(isAllowed('(GPL-3.0-only OR Apache-2.0)')).toBe(true)
    expect(isAllowed('MIT AND BSD-3-Clause')).toBe(true)
  })

  it('refuses others, and what asks for one of them beside a permissive one', () => {
    for (const licence of ['MPL-2.0', 'GPL-3.0-only', 'MIT AND MPL-2.0', 'none', '']) {
      expect(isAllowed(licence), licence).toBe(false)
    }
  })

  it('names the package whose licence is refused or has no text', () => {
    expect(() => thirdParty([react, { ...react, name: 'other', licence: 'MPL-2.0' }])).toThrow(
      /other \(MPL-2\.0\)/,
    )
    expect(() => thirdParty([{ ...react, texts: [] }])).toThrow(/without the text of their licence: react/)
  })

  it('writes name, version, licence and text', () => {
    expect(thirdParty([react])).toMatch(/react 19\.3\.1\nLicence: MIT\n\nPermission is granted\n/)
  })
})

describe('packages of files', () => {
  it('finds the innermost package, scoped or not', () => {
    expect(packageOf('/home/me/page/node_modules/react/index.js')).toBe('node_modules/react')
    expect(packageOf('node_modules/@tanstack/history/dist/index.js')).toBe('node_modules/@tanstack/history')
    expect(packageOf('/x/node_modules/a/node_modules/@b/c/d.js')).toBe('node_modules/a/node_modules/@b/c')
  })

  it('finds none for our own files', () => {
    expect(packageOf('/home/me/page/src/main.tsx')).toBeUndefined()
  })
})
