import { existsSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkTarget, type Target, TargetError } from '../target.ts'

/** Imports a target file, JavaScript or TypeScript. Throws {@link TargetError} with what is wrong with it. */
export async function loadTarget(file: string): Promise<Target> {
  const path = resolve(file)
  if (!existsSync(path)) throw new TargetError(`there is no file ${path}`)
  const url = pathToFileURL(path).href
  let module: { default?: unknown; target?: unknown }
  try {
    module = await importFile(path, url)
  } catch (cause) {
    throw new TargetError(
      `${file} cannot be imported: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`,
      { cause },
    )
  }
  const exported = module.default ?? module.target
  if (exported === undefined)
    throw new TargetError(`${file} has no default export: export default { name, open, destroy }`)
  const target: unknown = typeof exported === 'function' ? await exported() : exported
  try {
    checkTarget(target)
  } catch (error) {
    throw new TargetError(`${file}: ${(error as Error).message}`)
  }
  // methods may live on a prototype, so the target is not copied
  return target.module === undefined
    ? Object.create(target, { module: { value: url, enumerable: true } })
    : target
}

async function importFile(path: string, url: string): Promise<{ default?: unknown; target?: unknown }> {
  if (!/^\.[mc]?tsx?$/.test(extname(path)) || runsTypeScript()) return import(url)
  const { createJiti } = await import('jiti')
  return createJiti(url).import(path)
}

/** From Node 22.18 on types are stripped by Node itself. */
function runsTypeScript(): boolean {
  return Boolean((process.features as { typescript?: unknown }).typescript)
}
