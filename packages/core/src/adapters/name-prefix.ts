import { checkName, MAX_NAME_BYTES } from '../values/codec.ts'

/** Puts a scope in front of names, and takes it off again. */
export interface NamePrefix {
  /**
   * `scope:name`. Checks the name first, since the prefix would hide that it is empty. Throws INVALID_ARGUMENT; `what` names the
   * argument.
   */
  add(name: string, what: string): string
  /** The name without the scope; undefined for a name of another scope. */
  strip(prefixed: string): string | undefined
}

export function namePrefix(scope: string): NamePrefix {
  checkName(scope, 'scope')
  const prefix = `${scope}:`
  const room = MAX_NAME_BYTES - Buffer.byteLength(prefix)
  return {
    add(name, what) {
      checkName(name, what, room)
      return prefix + name
    },
    strip: (prefixed) => (prefixed.startsWith(prefix) ? prefixed.slice(prefix.length) : undefined),
  }
}
