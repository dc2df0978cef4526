import { randomUUID } from 'node:crypto'
import type { FinalState } from '../../contracts/job-record.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Clock, Timer } from '../../values/clock.ts'
import type { ServerTime } from '../server-time.ts'
import { endOf, type GoneRow, type JobRow, type Versioned } from './job-row.ts'
import { type RecordTable, Unreadable } from './record-table.ts'
import type { Revisions } from './revisions.ts'

/** What finished of one type, counted for good. */
export interface Tally {
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  /** The sum of `durationMs` of the completed. */
  readonly durationMs: number
}

export const NO_TALLY: Tally = { completed: 0, failed: 0, cancelled: 0, durationMs: 0 }

/** One node's share of a type's tally; or the sum of the shares of nodes that ended. */
interface TallyRow extends Versioned, Tally {
  readonly id: string
  readonly type: string
  readonly sum: boolean
  /** When it was written last, epoch milliseconds. */
  readonly at: number
  /** Never pruned. */
  readonly finishedAt: null
  /** In a sum: the share that was added last and may still have to be deleted. */
  readonly folded?: string | undefined
}

/** This node's share of one type. */
interface Share {
  readonly type: string
  id: string
  /** What the storage has, and what it is to have. */
  stored: TallyRow | undefined
  now: { -readonly [K in keyof Tally]: Tally[K] }
}

export interface Finish {
  readonly type: string
  readonly state: FinalState
  readonly durationMs?: number | undefined
}

/** The count that goes with a write; none when the job did not end by it. */
export function finishOf(row: JobRow | GoneRow, durationMs?: number): Finish[] {
  const state = endOf(row)
  return state === undefined ? [] : [{ type: row.type, state, durationMs }]
}

/** A node that wrote no tally for so long is taken to have ended: its share goes into the sum. */
const FOLD_AFTER_MS = 24 * 3_600_000

/** What finishes within so long is counted by one write. */
const EVERY_MS = 100
/** A storage that failed is tried again after this. */
const RETRY_MS = 1_000

/**
 * Counters of finished jobs that survive pruning. Every node writes records of its own, one a type, so that nobody waits for anybody;
 * a reader adds them up. They are written apart from the settles, many of which share a write: a node that dies loses what it counted in
 * the last tenth of a second.
 */
export class Tallies {
  readonly #table: RecordTable<TallyRow>
  readonly #time: ServerTime
  readonly #revisions: Revisions
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #shares: Map<string, Share> = new Map()
  /** Those whose record says less than they do. */
  readonly #unsaved: Set<Share> = new Set()
  #timer: Timer | undefined
  #writing: Promise<void> = Promise.resolve()
  #closed = false

  constructor(
    table: RecordTable<TallyRow>,
    time: ServerTime,
    clock: Clock,
    revisions: Revisions,
    logger: Logger,
  ) {
    this.#table = table
    this.#time = time
    this.#clock = clock
    this.#revisions = revisions
    this.#logger = logger
  }

  /** They are stored a moment later, with what else comes until then. */
  add(finishes: readonly Finish[]): void {
    for (const { type, state, durationMs = 0 } of finishes) {
      const share = this.#shareOf(type)
      share.now[state]++
      if (state === 'completed') share.now.durationMs += durationMs
      this.#unsaved.add(share)
    }
    if (finishes.length > 0) this.#arm(EVERY_MS)
  }

  /** Stores what was added. A storage that fails is tried again later; it never fails the caller. */
  async flush(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#write())
    await this.#writing
  }

  /** Stores what was added, and leaves no timer. */
  async close(): Promise<void> {
    this.#closed = true
    await this.flush()
  }

  /** By type, over all nodes. */
  async read(): Promise<Map<string, Tally>> {
    await this.flush()
    const totals = new Map<string, Tally>()
    const rows = await this.#table.find({}, {})
    const folded = new Set(rows.map((row) => row.folded))
    for (const row of rows) {
      if (!folded.has(row.id)) totals.set(row.type, plus(totals.get(row.type) ?? NO_TALLY, row))
    }
    return totals
  }

  /** Adds the shares of nodes that ended, up to `limit`, to the sums. Two at once do no harm. */
  async fold(limit: number): Promise<void> {
    if (!this.#table.fenced) return
    const before = this.#time.now() - FOLD_AFTER_MS
    for (const row of await this.#table.find({ sum: false, at: { $lt: before } }, { limit }))
      await this.#foldOne(row)
  }

  /** First added to the sum, which names it; then deleted; then the next. A reader leaves out what a sum names. */
  async #foldOne(row: TallyRow): Promise<void> {
    const id = `sum:${row.type}`
    const old = await this.#readOne(id)
    if (old?.folded) await this.#table.delete(old.folded)
    if (old?.folded === row.id) return
    const next: TallyRow = {
      ...plus(old ?? NO_TALLY, row),
      id,
      type: row.type,
      sum: true,
      at: Math.floor(this.#time.now()),
      finishedAt: null,
      folded: row.id,
      rev: old ? old.rev + 1 : this.#revisions.next(),
    }
    const [stored] = old ? await this.#table.replace([next]) : await this.#table.insert([next])
    if (stored) await this.#table.delete(row.id)
  }

  #arm(delayMs: number): void {
    if (this.#closed) return
    this.#timer ??= this.#clock.after(delayMs, () => {
      this.#timer = undefined
      void this.flush()
    })
  }

  async #write(): Promise<void> {
    const shares = [...this.#unsaved]
    this.#unsaved.clear()
    if (shares.length === 0) return
    try {
      const refused = await this.#tryWrite(shares)
      for (const share of refused) await this.#reread(share)
      await this.#tryWrite(refused)
    } catch (error) {
      this.#logger.warn('the counters of finished jobs were not stored; it is tried again', { error })
      for (const share of shares) this.#unsaved.add(share)
      this.#arm(RETRY_MS)
    }
  }

  /** Resolves to those that were refused. */
  async #tryWrite(shares: readonly Share[]): Promise<Share[]> {
    const known = shares.filter(({ stored }) => stored)
    const fresh = shares.filter(({ stored }) => !stored)
    const rows = [...known, ...fresh].map((share) => ({ share, row: this.#rowOf(share) }))
    const [replaced, inserted] = await Promise.all([
      this.#table.replace(rows.slice(0, known.length).map(({ row }) => row)),
      this.#table.insert(rows.slice(known.length).map(({ row }) => row)),
    ])
    const answers = [...replaced, ...inserted]
    for (const [index, { share, row }] of rows.entries()) if (answers[index]) share.stored = row
    return rows.filter((_, index) => !answers[index]).map(({ share }) => share)
  }

  /** Refused: an earlier write whose answer was lost; or this node stood still for so long that its share was folded. */
  async #reread(share: Share): Promise<void> {
    const current = await this.#readOne(share.id)
    if (!current) {
      share.now = minus(share.now, share.stored ?? NO_TALLY)
      share.id = newShareId(share.type)
    }
    share.stored = current
  }

  #rowOf({ id, type, stored, now }: Share): TallyRow {
    return {
      ...now,
      id,
      type,
      sum: false,
      at: Math.floor(this.#time.now()),
      finishedAt: null,
      rev: stored ? stored.rev + 1 : this.#revisions.next(),
    }
  }

  async #readOne(id: string): Promise<TallyRow | undefined> {
    const [row] = await this.#table.read([id])
    if (row instanceof Unreadable) throw row.error
    return row ?? undefined
  }

  #shareOf(type: string): Share {
    let share = this.#shares.get(type)
    if (!share) {
      share = { type, id: newShareId(type), stored: undefined, now: { ...NO_TALLY } }
      this.#shares.set(type, share)
    }
    return share
  }
}

function newShareId(type: string): string {
  return `${randomUUID()}:${type}`
}

function plus(a: Tally, b: Tally): Tally {
  return {
    completed: a.completed + b.completed,
    failed: a.failed + b.failed,
    cancelled: a.cancelled + b.cancelled,
    durationMs: a.durationMs + b.durationMs,
  }
}

function minus(a: Tally, b: Tally): Tally {
  return {
    completed: a.completed - b.completed,
    failed: a.failed - b.failed,
    cancelled: a.cancelled - b.cancelled,
    durationMs: a.durationMs - b.durationMs,
  }
}
