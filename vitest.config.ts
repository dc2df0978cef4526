// One configuration for every package: `npm test` runs them all, `npm test -- packages/core` some.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { textModules } from './scripts/text-modules.ts'

const root = import.meta.dirname
const sourceConditions = ['@sched/source', 'module', 'node', 'development|production']

function projectsUnder(folder: string): { extends: true; test: { name: string; root: string; include: string[] } }[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder))
    .filter((name) => existsSync(join(root, folder, name, 'package.json')))
    .map((name) => ({
      extends: true,
      test: { name, root: join(root, folder, name), include: ['src/**/*.test.ts'] },
    }))
}

export default defineConfig({
  plugins: [textModules()],
  resolve: { conditions: sourceConditions },
  ssr: { resolve: { conditions: sourceConditions, externalConditions: ['@sched/source'] } },
  test: {
    root,
    projects: [...projectsUnder('packages'), ...projectsUnder('examples')],
    pool: 'forks',
    testTimeout: 15_000,
    hookTimeout: 60_000,
    passWithNoTests: false,
  },
})
