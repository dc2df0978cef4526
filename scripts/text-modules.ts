// Lets vite and vitest import SQL and Lua files as text, as the build does (tsup-library.ts).
import { readFile } from 'node:fs/promises'
import type { Plugin } from 'vite'

export function textModules(): Plugin {
  return {
    name: 'text-modules',
    enforce: 'pre',
    async load(id) {
      const [path = id] = id.split('?')
      if (!/\.(sql|lua)$/.test(path)) return null
      return { code: `export default ${JSON.stringify(await readFile(path, 'utf8'))}`, map: null }
    },
  }
}
