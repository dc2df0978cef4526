import { createHash } from 'node:crypto'

/** A Lua script as it is sent: by its hash, and as text where the server does not know it. */
export interface Script {
  /** For error messages. */
  readonly name: string
  readonly text: string
  readonly sha: string
}

export function script(name: string, parts: readonly string[]): Script {
  const text = parts.join('\n')
  return { name, text, sha: createHash('sha1').update(text).digest('hex') }
}
