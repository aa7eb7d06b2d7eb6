/** Where the build puts the page before it is finished: vite, size-limit and finish.ts work there. */
export const BUILT = 'node_modules/.page'

/** Where the server finds it. */
export const STATIC = '../static'

/** The packages whose code or files are in the build, as bundled-packages.ts lists them. */
export const BUNDLED = 'bundled-packages.json'
