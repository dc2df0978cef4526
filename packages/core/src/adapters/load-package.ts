/**
 * Loads an adapter package when it is first needed. Core names them as optional peers, so a strict install shows them to core where the
 * application has them; where core is linked from somewhere else, the application itself is asked.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AdapterNotInstalledError } from '../errors/sched-error.ts'

export type PackageExports = Readonly<Record<string, unknown>>

/** `reason`: who needs it. Rejects ADAPTER_NOT_INSTALLED when it is nowhere, or does not load. */
export async function loadPackage(name: string, reason: string): Promise<PackageExports> {
  try {
    return await find(name)
  } catch (error) {
    const why = isMissing(error, name)
      ? `it is not installed, and ${reason} needs it`
      : `it is installed, and does not load: ${error instanceof Error ? error.message : String(error)}`
    throw new AdapterNotInstalledError(name, installCommand(name), why, { cause: error })
  }
}

async function find(name: string): Promise<PackageExports> {
  try {
    return await importPackage(name)
  } catch (error) {
    if (!isMissing(error, name)) throw error
    const entry = entryForApplication(name)
    if (entry === undefined) throw error
    return await importPackage(pathToFileURL(entry).href)
  }
}

/** The name is in a variable, so that no bundler takes a package for required that nobody chose. */
function importPackage(specifier: string): Promise<PackageExports> {
  return import(/* @vite-ignore */ /* webpackIgnore: true */ specifier) as Promise<PackageExports>
}

/** The package as the program that runs would find it, then as the folder it runs in would. */
function entryForApplication(name: string): string | undefined {
  const [, program] = process.argv
  for (const from of [program, join(process.cwd(), 'package.json')]) {
    if (from === undefined) continue
    try {
      return createRequire(pathToFileURL(from)).resolve(name)
    } catch {
      // not there either
    }
  }
  return undefined
}

/** It is that package which is missing, not something that it imports. */
function isMissing(error: unknown, name: string): boolean {
  return (
    error instanceof Error && (error.message.includes(`'${name}'`) || error.message.includes(`"${name}"`))
  )
}

/** In the words of the package manager that runs this program, else npm's. */
export function installCommand(
  name: string,
  agent: string = process.env.npm_config_user_agent ?? '',
): string {
  const manager = /^(pnpm|yarn|bun)\//.exec(agent)?.[1]
  return manager === undefined ? `npm install ${name}` : `${manager} add ${name}`
}
