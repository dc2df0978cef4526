/** The command line: see USAGE in options.ts. Gives the exit code. */
import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { hybridTarget } from '../hybrid-target.ts'
import { jsonReport } from '../report/json.ts'
import { junitReport } from '../report/junit.ts'
import { conforms, type RunReport, run, type Selection, select } from '../run.ts'
import { type Target, TargetError } from '../target.ts'
import { VERSION } from '../version.ts'
import { scaffold } from './init.ts'
import { loadTarget } from './load-target.ts'
import { type CliOptions, parseOptions, USAGE } from './options.ts'
import { listText, scorecardText } from './print.ts'
import { progress } from './progress.ts'

export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface CliIo {
  readonly stdout: Output
  readonly stderr: Output
}

/** 0: conforms. 1: a rule is broken. 2: could not run, with the reason on stderr. */
export async function main(args: readonly string[], io: CliIo): Promise<0 | 1 | 2> {
  try {
    return await command(parseOptions(args), io)
  } catch (error) {
    const text =
      error instanceof TargetError
        ? error.message
        : error instanceof Error
          ? (error.stack ?? error.message)
          : String(error)
    io.stderr.write(`could not run: ${text}\n`)
    return 2
  }
}

async function command(options: CliOptions, io: CliIo): Promise<0 | 1 | 2> {
  if (options.help) {
    io.stdout.write(USAGE)
    return 0
  }
  if (options.version) {
    io.stdout.write(`${VERSION}\n`)
    return 0
  }
  if (options.list) {
    io.stdout.write(listText(select(selectionOf(options))))
    return 0
  }
  if (options.target === undefined) throw new TargetError(`name a target file\n\n${USAGE}`)
  if (options.target === 'init') {
    io.stdout.write(scaffold(options.folder, { typescript: options.typescript }))
    return 0
  }
  return runTarget(options, io)
}

function selectionOf({ only, skip, level }: CliOptions): Selection {
  return level === undefined ? { only, skip } : { only, skip, level }
}

async function runTarget(options: CliOptions, io: CliIo): Promise<0 | 1> {
  const file = options.target!
  const handles = countHandles()
  const { broker } = options
  const target = await loadTargets(file, broker)
  const shown = progress(io.stderr)
  const rejections = watchRejections()
  let report: RunReport
  try {
    report = await run(target, {
      ...selectionOf(options),
      ...(options.seed === undefined ? {} : { seed: options.seed }),
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      replay: (id, seed) =>
        `npx @sched/adapter-testkit ${quoted(file)}${broker === undefined ? '' : ` --broker ${quoted(broker)}`} --only ${id} --seed ${seed}`,
      onStart: shown.onStart,
      onResult: shown.onResult,
    })
    // Node tells of a rejection once everything that was ready has run
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
  } finally {
    shown.end()
    rejections.stop()
  }
  const leftovers = [...report.leftovers, ...rejections.seen, ...(await leftHandles(handles))]
  return print({ ...report, leftovers }, options, io)
}

async function loadTargets(file: string, broker: string | undefined): Promise<Target> {
  const target = await loadTarget(file)
  return broker === undefined ? target : hybridTarget(target, await loadTarget(broker))
}

function print(report: RunReport, options: CliOptions, io: CliIo): 0 | 1 {
  const machine = options.json
    ? jsonReport(report, options.strict)
    : options.junit
      ? junitReport(report)
      : undefined
  if (machine !== undefined && options.output !== undefined) writeFileSync(options.output, machine)
  io.stdout.write(
    machine !== undefined && options.output === undefined ? machine : scorecardText(report, options.strict),
  )
  return conforms(report, options.strict) ? 0 : 1
}

/** A rejection nobody handles is the adapter's: the kit awaits all of its own. It would end the process of a user. */
function watchRejections(): { readonly seen: string[]; stop(): void } {
  const seen: string[] = []
  const listen = (reason: unknown): void => {
    seen.push(
      `an unhandled rejection: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`,
    )
  }
  process.on('unhandledRejection', listen)
  return { seen, stop: () => process.off('unhandledRejection', listen) }
}

function countHandles(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return counts
}

/** What keeps the process alive and was not there before; sockets may take a moment to close. */
async function leftHandles(before: ReadonlyMap<string, number>): Promise<string[]> {
  const left = (): string[] =>
    [...countHandles()]
      // standard streams, and the very timer that waits here
      .filter(([kind]) => !/^(TTYWrap|PipeWrap|FSReqPromise|FSReqCallback|TickObject|Immediate)$/.test(kind))
      .map(([kind, n]) => [kind, n - (before.get(kind) ?? 0)] as const)
      .filter(([, n]) => n > 0)
      .map(
        ([kind, n]) => `${n} × ${kind} still open after the run: close() or the target's end() must end it`,
      )
  for (let turn = 0; turn < 40 && left().length > 0; turn++) await sleep(50)
  return left()
}

function quoted(file: string): string {
  return /^[\w./@-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`
}
