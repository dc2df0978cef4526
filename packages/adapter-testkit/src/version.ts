import { readFileSync } from 'node:fs'

/** The kit's own version; package.json lies one folder above the sources and above the build. */
export const VERSION: string = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).version
