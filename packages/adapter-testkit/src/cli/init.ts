import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TargetError } from '../target.ts'
import { TEMPLATES } from '../templates.ts'

/** Copies a blank adapter into `folder` and gives what to do next. Throws {@link TargetError} when something is there already. */
export function scaffold(folder: string | undefined, options: { readonly typescript: boolean }): string {
  if (folder === undefined) throw new TargetError('init needs a folder: adapter-testkit init my-adapter')
  const path = resolve(folder)
  if (existsSync(path) && readdirSync(path).length > 0) throw new TargetError(`${path} is not empty`)
  const language = options.typescript ? 'typescript' : 'javascript'
  cpSync(join(fileURLToPath(TEMPLATES), language), path, { recursive: true })
  const manifest = join(path, 'package.json')
  const name = basename(path)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replaceAll('my-adapter', name))
  const target = options.typescript ? 'target.ts' : 'target.js'
  return [
    `a blank adapter is in ${folder}: every method says what it must do, and is not written yet`,
    '',
    `  cd ${folder}`,
    '  npm install',
    `  npx @sched/adapter-testkit ./${target} --only storage/roundtrip`,
    '',
    'then method by method, case by case; the guide "Writing an adapter" goes through it',
    '',
  ].join('\n')
}
