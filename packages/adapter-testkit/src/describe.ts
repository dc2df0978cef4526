/**
 * The glue to a test runner: one test per case and variant, under vitest, `node --test` or anything with `test(name, fn)`.
 *
 *     import { test } from 'vitest'            // or: import { test } from 'node:test'
 *     import { describeAdapters } from '@sched/adapter-testkit'
 *     import target from './target.js'
 *
 *     describeAdapters(target, { test })
 *
 * Cases that are n/a skip with the reason where the runner lets them. While one test waits for its case, the next ones run already
 * (each has its own namespace), so that a real server's run does not take the sum of all waits.
 */
import type { Area } from './case.ts'
import { failureText } from './failure-text.ts'
import type { Result } from './result.ts'
import {
  checkWaivers,
  DEFAULT_CONCURRENCY,
  defaultReplay,
  type PlannedCase,
  plan,
  randomSeed,
  type Selection,
  select,
} from './run.ts'
import { runCase, settleWaiver } from './run-case.ts'
import { checkTarget, type Target } from './target.ts'

/** What a runner's own `test` hands to its function; both vitest and node:test have `skip`. */
export interface TestContext {
  skip?: (reason?: string) => unknown
}

export type TestFunction = (
  name: string,
  fn: (context: TestContext) => Promise<void>,
  timeoutMs?: number,
) => unknown

export interface DescribeOptions extends Selection {
  /** The runner's `test`. Default: the global one. */
  readonly test?: TestFunction
  /** Default: SCHED_TESTKIT_SEED, else a random one, which failures name. */
  readonly seed?: number
  /** Cases at a time; default 8. */
  readonly concurrency?: number
  /** The command that runs one case again; default names the environment variable and the case. */
  readonly replay?: (id: string, seed: number) => string
}

/** Registers every case of the selection as a test. Throws TargetError when `target` is none. */
export function describeAdapters(target: Target, options: DescribeOptions = {}): void {
  checkTarget(target)
  checkWaivers(target)
  const test = options.test ?? (globalThis as { test?: TestFunction }).test
  if (!test) throw new TypeError('pass the runner’s test function: describeAdapters(target, { test })')
  const planned = aloneLast(plan(select(options)))
  const ahead = new LookAhead(target, planned, options)
  const takesTimeout = isVitest()
  for (const [at, item] of planned.entries()) {
    const name = `${item.case.id} [${item.variant}]: ${item.case.rule}`
    const body = async (context: TestContext): Promise<void> => settle(await ahead.result(at), context)
    if (takesTimeout) test(name, body, (item.case.timeoutMs ?? 30_000) + 60_000)
    else test(name, body)
  }
}

/** The storage cases alone. */
export function describeStorageEngine(target: Target, options: DescribeOptions = {}): void {
  describeAdapters(target, { only: areas('storage'), ...options })
}

/** The broker cases alone. */
export function describeBrokerEngine(target: Target, options: DescribeOptions = {}): void {
  describeAdapters(target, { only: areas('broker'), ...options })
}

/** The lock cases alone. */
export function describeLockAdapter(target: Target, options: DescribeOptions = {}): void {
  describeAdapters(target, { only: areas('lock'), ...options })
}

/** Those that need the machine for themselves come when all others are done. */
function aloneLast(planned: readonly PlannedCase[]): PlannedCase[] {
  return planned.toSorted((a, b) => Number(a.case.alone ?? false) - Number(b.case.alone ?? false))
}

function areas(...names: readonly Area[]): readonly string[] {
  return names.map((name) => `${name}/`)
}

function settle(result: Result, context: TestContext): void {
  switch (result.status) {
    case 'pass':
    case 'waived':
      return
    case 'n/a':
    case 'inconclusive':
      context.skip?.(`${result.status}: ${result.reason}`)
      return
    case 'xpass':
      throw new Error(`${result.id}: ${result.reason}`)
    case 'fail': {
      const error = new Error(failureText(result))
      // where in the kit it was thrown helps nobody: the text says what to look at
      error.stack = error.message
      throw error
    }
  }
}

/** How many cases past the one a test waits for may be under way or done: a slow one does not hold up the rest. */
const WINDOW = 64

/** Runs the asked-for case and, while its test waits, the ones that come next. */
class LookAhead {
  readonly #target: Target
  readonly #planned: readonly PlannedCase[]
  readonly #seed: number
  readonly #concurrency: number
  readonly #replay: (id: string, seed: number) => string
  readonly #runs = new Map<number, Promise<Result>>()
  readonly #leftovers: string[] = []
  #running = 0
  #alone: Promise<unknown> = Promise.resolve()

  constructor(target: Target, planned: readonly PlannedCase[], options: DescribeOptions) {
    this.#target = target
    this.#planned = planned
    this.#seed = options.seed ?? seedOfEnvironment() ?? randomSeed()
    this.#concurrency = options.concurrency ?? DEFAULT_CONCURRENCY
    this.#replay = options.replay ?? defaultReplay
  }

  async result(at: number): Promise<Result> {
    let waiting = true
    const ahead = (): void => {
      if (!waiting) return
      for (let next = at; next < at + WINDOW && this.#running < this.#concurrency; next++) {
        if (this.#planned[next] === undefined || this.#planned[next]!.case.alone) return
        if (!this.#runs.has(next)) void this.#start(next).finally(ahead)
      }
    }
    if (this.#planned[at]!.case.alone) await Promise.all(this.#runs.values())
    else {
      void this.#start(at).finally(ahead)
      ahead()
    }
    const result = await this.#settled(await this.#start(at))
    waiting = false
    if (this.#leftovers.length > 0) throw new Error(`left behind: ${this.#leftovers.splice(0).join('; ')}`)
    return result
  }

  async #settled(result: Result): Promise<Result> {
    if (result.status !== 'xpass') return result
    const variants = this.#planned.flatMap((item, at) =>
      item.case.id === result.id ? [this.#start(at)] : [],
    )
    return settleWaiver(result, await Promise.all(variants))
  }

  #start(at: number): Promise<Result> {
    const known = this.#runs.get(at)
    if (known !== undefined) return known
    const { case: one, variant } = this.#planned[at]!
    this.#running++
    const run = this.#alone
      .then(() =>
        runCase(this.#target, one, variant, {
          seed: this.#seed,
          replay: this.#replay,
          onLeftover: (text) => this.#leftovers.push(text),
        }),
      )
      .finally(() => this.#running--)
    if (one.alone) this.#alone = run
    this.#runs.set(at, run)
    return run
  }
}

function seedOfEnvironment(): number | undefined {
  const text = process.env.SCHED_TESTKIT_SEED
  return text === undefined || text === '' ? undefined : Number(text) >>> 0
}

/** vitest takes a timeout as the third argument; node:test has none by default. */
function isVitest(): boolean {
  return process.env.VITEST !== undefined
}
