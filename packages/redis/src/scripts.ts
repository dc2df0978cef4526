import { createHash } from 'node:crypto'

/** A Lua script as it is sent: by its hash, and as text where the server does not know it. */
export interface Script {
  /** For error messages. */
  readonly name: string
  readonly text: string
  readonly sha: string
  /** Doing it twice is as good as once, also when others act in between: it is repeated when its answer was lost. */
  readonly repeatable: boolean
  /** It may hand something to another client of the same server, which then should not have to wait for the caller. */
  readonly handsOver: boolean
}

export function script(
  name: string,
  parts: readonly string[],
  options: { readonly repeatable?: boolean; readonly handsOver?: boolean } = {},
): Script {
  const text = parts.join('\n')
  const sha = createHash('sha1').update(text).digest('hex')
  const { repeatable = false, handsOver = false } = options
  return { name, text, sha, repeatable, handsOver }
}

/** For {@link script}: reads, and what only renews. */
export const REPEATABLE = { repeatable: true } as const

/**
 * A part of a script whose functions are made at the first use of any of them. Making a function costs Lua more than calling it, and
 * most calls of a script need few of those it has. `MADE_NAME` tells whether they were made.
 */
export function lazily(name: string, text: string): string {
  const functions = [...text.matchAll(/^local function (\w+)/gm)].map((match) => match[1] as string)
  const made = `MADE_${name.toUpperCase()}`
  return [
    `local ${made}`,
    `local function make_${name}()`,
    text,
    `${made} = { ${functions.map((one) => `${one} = ${one}`).join(', ')} }`,
    'end',
    ...functions.flatMap((one) => [
      `local function ${one}(...)`,
      `if not ${made} then make_${name}() end`,
      `return ${made}.${one}(...)`,
      'end',
    ]),
  ].join('\n')
}
