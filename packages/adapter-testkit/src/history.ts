/** The record of a case: every call through its nodes, with arguments, answer and times. */
import {
  BROKER_OPTIONAL,
  BROKER_REQUIRED,
  LOCK_OPTIONAL,
  LOCK_REQUIRED,
  STORAGE_OPTIONAL,
  STORAGE_REQUIRED,
} from '@sched/core/adapter'
import { JOB_STORE_METHODS, LIFECYCLE_METHODS } from './contract-methods.ts'
import { show } from './show.ts'

const SCHEDULE_STORE = [
  'add',
  'delete',
  'get',
  'list',
  'update',
  'setState',
  'compareAndSet',
  'lastExecution',
  'setLastExecution',
  'purge',
] as const
const METHODS: Readonly<Record<Part, ReadonlySet<string>>> = {
  storage: new Set([...STORAGE_REQUIRED, ...STORAGE_OPTIONAL, ...LIFECYCLE_METHODS]),
  broker: new Set([...BROKER_REQUIRED, ...BROKER_OPTIONAL, ...LIFECYCLE_METHODS]),
  lock: new Set([...LOCK_REQUIRED, ...LOCK_OPTIONAL, ...LIFECYCLE_METHODS]),
  jobStore: new Set([...JOB_STORE_METHODS, ...LIFECYCLE_METHODS]),
  scheduleStore: new Set(SCHEDULE_STORE),
}
/** After so many calls one answer comes a turn of the event loop late: an adapter that answers in microtasks alone would starve timers. */
const CALLS_PER_TURN = 250
/** More calls than this and the oldest are dropped. */
const MAX_ENTRIES = 5_000
const MAX_LINES = 20

export type Part = 'storage' | 'broker' | 'lock' | 'jobStore' | 'scheduleStore'

interface Entry {
  readonly at: number
  readonly text: string
  end?: number
  outcome?: string
}

export class History {
  readonly #start = performance.now()
  readonly #entries: Entry[] = []
  #dropped = 0
  #calls = 0
  /** False: calls pass through unrecorded, for measurements. */
  recording = true

  note(text: string): void {
    this.#push({ at: this.#now(), text: `— ${text}`, end: 0 })
  }

  /** The same object, every contract method recorded. What is not there stays not there; everything else passes through. */
  wrap<T extends object>(inner: T, label: string, part: Part): T {
    const wrapped = new Map<string, unknown>()
    return new Proxy(inner, {
      get: (object, key) => {
        const value: unknown = Reflect.get(object, key, object)
        if (typeof value !== 'function') return value
        if (typeof key !== 'string') return value.bind(object)
        if (key === 'within' && part === 'storage')
          return (transaction: unknown) =>
            this.wrap(value.call(object, transaction) as object, `${label}(tx)`, part)
        if (!METHODS[part].has(key)) return value.bind(object)
        const known = wrapped.get(key)
        if (known !== undefined) return known
        const call = (...args: unknown[]): unknown =>
          this.recording
            ? this.#record(`${label}.${part}.${key}`, args, () => value.apply(object, args))
            : value.apply(object, args)
        wrapped.set(key, call)
        return call
      },
    })
  }

  /** Calls that have not settled. `olderThanMs`: only those that wait for longer. */
  pending(olderThanMs = 0): string[] {
    const before = this.#now() - olderThanMs
    return this.#entries.filter((entry) => entry.end === undefined && entry.at <= before).map(formatEntry)
  }

  /** How many calls were answered so far. */
  get answered(): number {
    return this.#dropped + this.#entries.filter((entry) => entry.end !== undefined).length
  }

  /** The lines that show what happened: all when few, else those that mention `about`, and the last ones. */
  lines(about: readonly unknown[] = []): string[] {
    const all = this.#entries
    if (all.length <= MAX_LINES && this.#dropped === 0) return all.map(formatEntry)
    const words = wordsOf(about).map((word) => JSON.stringify(word).slice(1, -1))
    const relevant = new Set<number>()
    for (let i = all.length - 1; i >= 0 && relevant.size < MAX_LINES; i--) {
      const { text, outcome = '' } = all[i]!
      const last = i >= all.length - 4
      if (last || words.length === 0 || words.some((word) => text.includes(word) || outcome.includes(word)))
        relevant.add(i)
    }
    const lines: string[] = []
    let left = this.#dropped
    for (let i = 0; i < all.length; i++) {
      if (!relevant.has(i)) {
        left++
        continue
      }
      if (left > 0) lines.push(`… ${left} other call${left === 1 ? '' : 's'}`)
      left = 0
      lines.push(formatEntry(all[i]!))
    }
    return lines
  }

  #record(name: string, args: readonly unknown[], call: () => unknown): unknown {
    const entry: Entry = { at: this.#now(), text: `${name}(${args.map((arg) => show(arg)).join(', ')})` }
    this.#push(entry)
    const settle = (outcome: string): void => {
      entry.end = this.#now()
      entry.outcome = outcome
    }
    try {
      const answer = call()
      if (!(answer instanceof Promise)) {
        settle(show(answer))
        return answer
      }
      const turn = ++this.#calls % CALLS_PER_TURN === 0
      const told = answer.then(
        async (value: unknown) => {
          settle(value === undefined ? 'done' : typeof value === 'function' ? 'listening' : show(value))
          if (turn) await new Promise((resolve) => setImmediate(resolve))
          return value
        },
        async (error: unknown) => {
          if (turn) await new Promise((resolve) => setImmediate(resolve))
          settle(`rejected ${show(error)}`)
          throw error
        },
      )
      // a case that failed meanwhile no longer listens; what the adapter itself lets float is another promise
      told.catch(() => undefined)
      return told
    } catch (error) {
      settle(`threw ${show(error)}`)
      // whoever awaits the call sees no difference, and so neither do the cases
      return Promise.reject(error)
    }
  }

  #push(entry: Entry): void {
    this.#entries.push(entry)
    if (this.#entries.length > MAX_ENTRIES * 2) {
      this.#dropped += MAX_ENTRIES
      this.#entries.splice(0, MAX_ENTRIES)
    }
  }

  #now(): number {
    return performance.now() - this.#start
  }
}

function formatEntry(entry: Entry): string {
  const at = `+${entry.at.toFixed(entry.at < 100 ? 1 : 0)} ms`.padStart(10)
  if (entry.text.startsWith('—')) return `${at}  ${entry.text}`
  if (entry.end === undefined) return `${at}  ${entry.text} → still waiting`
  const took = entry.end - entry.at
  return `${at}  ${entry.text} → ${entry.outcome}${took >= 20 ? ` (${took.toFixed(0)} ms)` : ''}`
}

function wordsOf(values: readonly unknown[]): string[] {
  return values.flatMap((value) => {
    if (typeof value === 'string') return value === '' ? [] : [value.slice(0, 50)]
    if (Array.isArray(value)) return wordsOf(value.slice(0, 50))
    if (typeof value === 'object' && value !== null && !(value instanceof Date))
      return wordsOf(Object.values(value).slice(0, 50))
    return []
  })
}
