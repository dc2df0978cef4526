import { createHash } from 'node:crypto'

/** A Lua script as it is sent: by its hash, and as text where the server does not know it. */
export interface Script {
  /** For error messages. */
  readonly name: string
  readonly text: string
  readonly sha: string
  /** Doing it twice is as good as once, also when others act in between: it is repeated when its answer was lost. */
  readonly repeatable: boolean
}

export function script(
  name: string,
  parts: readonly string[],
  options: { readonly repeatable?: boolean } = {},
): Script {
  const text = parts.join('\n')
  const sha = createHash('sha1').update(text).digest('hex')
  return { name, text, sha, repeatable: options.repeatable ?? false }
}

/** For {@link script}: reads, and what only renews. */
export const REPEATABLE = { repeatable: true } as const
