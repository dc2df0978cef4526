import { mkdtemp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { build, defaultServerConditions } from 'vite'
import { textModules } from '../../../scripts/text-modules.ts'

export interface Program {
  /** The file to fork, without any `execArgv`. */
  readonly path: string
  remove(): Promise<void>
}

/**
 * `source`, a TypeScript file in a package's `src`, with what it imports of ours as one file of plain JavaScript: fifty processes of it
 * start in seconds. It lies in the package's `node_modules`, because it imports the driver.
 */
export async function buildProgram(source: string): Promise<Program> {
  const folder = await mkdtemp(join(dirname(source), '../node_modules/.program-'))
  await build({
    configFile: false,
    logLevel: 'error',
    root: dirname(source),
    plugins: [textModules()],
    ssr: {
      noExternal: [/^@sched\//],
      resolve: { conditions: ['@sched/source', ...defaultServerConditions] },
    },
    build: {
      ssr: source,
      outDir: folder,
      target: 'node20',
      rollupOptions: { output: { entryFileNames: 'program.mjs' } },
    },
  })
  return { path: join(folder, 'program.mjs'), remove: () => rm(folder, { recursive: true, force: true }) }
}
