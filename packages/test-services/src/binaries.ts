/** Finds server programs: on the PATH, in the places where packages put them, and in the cache that provision.sh fills. */
import { accessSync, constants, existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where provision.sh (which has the same rule) unpacks what is not installed by the system. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(process.env.HOME || '/tmp', '.cache'), 'sched-test-services')
}

/** The first of `names` that is an executable file on the PATH or in one of `folders`. */
export function findBinary(names: readonly string[], folders: readonly string[] = []): string | undefined {
  const places = [...(process.env.PATH ?? '').split(delimiter).filter(Boolean), ...folders]
  return names.flatMap((name) => places.map((place) => join(place, name))).find(isExecutable)
}

/** The folder `inner` of every folder in `parent`, the highest version first. */
export function versionedFolders(parent: string, inner = 'bin'): string[] {
  if (!existsSync(parent)) return []
  return readdirSync(parent)
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((version) => join(parent, version, inner))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
