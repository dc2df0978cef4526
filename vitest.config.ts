// One configuration for every package: `npm test` runs them all, `npm test -- packages/core` some.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { defaultServerConditions } from 'vite'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { textModules } from './scripts/text-modules.ts'

const root = import.meta.dirname
/** Packages find each other's sources, so that no test needs a build. */
const conditions = ['@sched/source', ...defaultServerConditions]

/** Core loads adapter packages by name, and has none of them beside it. */
const alias = Object.fromEntries(
  ['memory', 'redis', 'postgres', 'mongo'].map((name) => [
    `@sched/${name}`,
    join(root, 'packages', name, 'src/index.ts'),
  ]),
)

function projectsIn(folder: string): TestProjectInlineConfiguration[] {
  const path = join(root, folder)
  if (!existsSync(path)) return []
  return (
    readdirSync(path)
      .filter((name) => existsSync(join(path, name, 'package.json')))
      // an example may be called like the package that it shows
      .map((name) =>
        project(folder === 'examples' ? `example ${name}` : name, join(path, name), 'src/**/*.test.ts'),
      )
  )
}

function project(name: string, folder: string, include: string): TestProjectInlineConfiguration {
  return {
    plugins: [textModules()],
    resolve: { conditions, alias },
    ssr: { resolve: { conditions, externalConditions: ['@sched/source'] } },
    test: {
      name,
      root: folder,
      include: [include],
      pool: 'forks',
      setupFiles: [join(root, 'packages/test-services/src/end-with-runner.ts')],
      // ends what hangs; how quick a machine is decides no test
      testTimeout: 60_000,
      hookTimeout: 60_000,
    },
  }
}

export default defineConfig({
  test: {
    root,
    projects: [
      ...projectsIn('packages'),
      ...projectsIn('examples'),
      project('scripts', join(root, 'scripts'), '*.test.ts'),
    ],
    globalSetup: 'packages/test-services/src/global-setup.ts',
    maxWorkers: 2,
    teardownTimeout: 30_000,
    coverage: { provider: 'v8', include: ['packages/*/src/**/*.ts'], exclude: ['**/*.test.ts'] },
  },
})
