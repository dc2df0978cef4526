// How every published package is built: ESM and type declarations for Node, SQL and Lua files embedded as text. It finds the other
// packages' sources (customConditions in tsconfig.base.json), so packages can be built in any order.
import { defineConfig, type Options } from 'tsup'

export function library(options: Pick<Options, 'entry' | 'external'>): ReturnType<typeof defineConfig> {
  return defineConfig({
    format: 'esm',
    target: 'node20',
    platform: 'node',
    dts: true,
    clean: true,
    sourcemap: true,
    treeshake: true,
    loader: { '.sql': 'text', '.lua': 'text' },
    ...options,
  })
}
