import { parseArgs } from 'node:util'
import { LEVELS, type Level } from '../case.ts'
import { TargetError } from '../target.ts'

export interface CliOptions {
  /** `init` or a target file; undefined: only --list, --help or --version. */
  readonly target: string | undefined
  readonly folder: string | undefined
  /** Another target file: its broker and lock stand beside the first one's storage. */
  readonly broker: string | undefined
  readonly only: readonly string[]
  readonly skip: readonly string[]
  readonly level: Level | undefined
  readonly seed: number | undefined
  readonly concurrency: number | undefined
  readonly json: boolean
  readonly junit: boolean
  readonly output: string | undefined
  readonly list: boolean
  readonly strict: boolean
  readonly typescript: boolean
  readonly help: boolean
  readonly version: boolean
}

export const USAGE = `adapter-testkit <target file> [options]     run the conformance cases against an adapter
adapter-testkit init <folder> [--typescript]  start a new adapter: a commented blank one, and its target
adapter-testkit --list                        every case with its rule

  --broker <file>     the storage of the first target with the broker and lock of this one, as two systems (see --only hybrid)
  --only <id>         only this case; or an area (broker), or a beginning (storage/filter-); may be repeated
  --skip <id>         not this one; named in the same ways
  --level <level>     must, should or may: cases of this level and stricter (default: all)
  --seed <number>     draw the same random numbers again; a failure names its seed
  --strict            cases of level should count for the exit code too
  --concurrency <n>   cases at a time (default 8)
  --json              the report as JSON instead of the scorecard
  --junit             the report as JUnit XML instead of the scorecard
  --output <file>     where --json or --junit goes; the scorecard is printed as well then
  --list              the cases that would run, without running them
  --help, --version

Exit code: 0 conforming · 1 a rule is broken · 2 could not run (the message says what is wrong with the target file)
`

/** Throws {@link TargetError} for what it does not understand. */
export function parseOptions(args: readonly string[]): CliOptions {
  const { values, positionals } = parse(args)
  const [target, folder, ...rest] = positionals
  if (rest.length > 0 || (folder !== undefined && target !== 'init'))
    throw new TargetError(`one target file at a time: ${positionals.join(' ')}\n\n${USAGE}`)
  if (values.json && values.junit && values.output === undefined)
    throw new TargetError('either --json or --junit goes to the output, not both')
  if (values.output !== undefined && !values.json && !values.junit)
    throw new TargetError('--output needs --json or --junit')
  if (values.level !== undefined && !LEVELS.includes(values.level as Level))
    throw new TargetError(`--level must be ${LEVELS.join(', ')}, not ${values.level}`)
  return {
    target,
    folder,
    broker: values.broker,
    only: values.only ?? [],
    skip: values.skip ?? [],
    level: values.level as Level | undefined,
    seed: wholeNumber(values.seed, '--seed', 0),
    concurrency: wholeNumber(values.concurrency, '--concurrency', 1),
    json: values.json ?? false,
    junit: values.junit ?? false,
    output: values.output,
    list: values.list ?? false,
    strict: values.strict ?? false,
    typescript: values.typescript ?? false,
    help: values.help ?? false,
    version: values.version ?? false,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        broker: { type: 'string' },
        only: { type: 'string', multiple: true },
        skip: { type: 'string', multiple: true },
        level: { type: 'string' },
        seed: { type: 'string' },
        concurrency: { type: 'string' },
        json: { type: 'boolean' },
        junit: { type: 'boolean' },
        output: { type: 'string' },
        list: { type: 'boolean' },
        strict: { type: 'boolean' },
        typescript: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new TargetError(`${(error as Error).message}\n\n${USAGE}`)
  }
}

function wholeNumber(text: string | undefined, option: string, min: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < min)
    throw new TargetError(`${option} must be a whole number from ${min} on, not ${text}`)
  return value
}
