import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const USAGE = `Checks the Markdown files of a folder for broken relative links: one job a file.

usage: npm run demo [-- [folder] [options]]
  folder              default: this repository
  --concurrency N     jobs at once, default 8
  --help              this text

Exit code: 0 all links lead somewhere, 1 some do not, 2 it could not run, 130 stopped by Ctrl-C after draining.`

export interface Options {
  root: string
  concurrency: number
  help: boolean
}

/** Throws an Error that says what to correct. */
export function readOptions(args: string[], home: string): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { concurrency: { type: 'string', default: '8' }, help: { type: 'boolean', default: false } },
  })
  const concurrency = Number(values.concurrency)
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new Error(`--concurrency must be a positive integer, not ${values.concurrency}`)
  if (positionals.length > 1) throw new Error(`one folder at a time, not ${positionals.join(', ')}`)
  const root = resolve(process.env.INIT_CWD ?? process.cwd(), positionals[0] ?? home)
  if (!existsSync(root) || !statSync(root).isDirectory()) throw new Error(`no folder ${root}`)
  return { root, concurrency, help: values.help }
}
