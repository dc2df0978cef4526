import { inParallel } from './in-parallel.ts'
import type { Versioned } from './job-row.ts'
import type { Queues } from './queues.ts'
import { type RecordTable, Unreadable } from './record-table.ts'
import type { Revisions } from './revisions.ts'

/** A job type that was ever used, and whether it is paused: the truth, of which the broker's flag is a copy. */
export interface TypeRow extends Versioned {
  /** The type. */
  readonly id: string
  readonly paused: boolean
  /** Never pruned. */
  readonly finishedAt: null
}

const MAX_TRIES = 10

export class TypeRegistry {
  readonly #table: RecordTable<TypeRow>
  readonly #queues: Queues
  readonly #revisions: Revisions
  readonly #known: Set<string> = new Set()
  /** As this node read it last: a hint. */
  #paused: ReadonlySet<string> = new Set()

  constructor(table: RecordTable<TypeRow>, queues: Queues, revisions: Revisions) {
    this.#table = table
    this.#queues = queues
    this.#revisions = revisions
  }

  /** Writes down types that are new here. */
  async learn(types: Iterable<string>): Promise<void> {
    const fresh = [...new Set(types)].filter((type) => !this.#known.has(type))
    if (fresh.length === 0) return
    await this.#table.insert(fresh.map((type) => this.#newRow(type, false)))
    for (const type of fresh) this.#known.add(type)
  }

  async list(): Promise<TypeRow[]> {
    const rows = await this.#table.find({}, {})
    this.#paused = new Set(rows.filter(({ paused }) => paused).map(({ id }) => id))
    return rows
  }

  /**
   * Those of the types, whose jobs the broker just gave, that are paused all the same: it lost its flags. It is told of them again. Costs
   * nothing while no type is paused.
   */
  async pausedOf(types: readonly string[]): Promise<ReadonlySet<string>> {
    if (this.#paused.size === 0) return this.#paused
    const paused = new Set<string>()
    for (const type of new Set(types)) {
      if (!this.#paused.has(type) || !(await this.#read(type))?.paused) continue
      paused.add(type)
      await this.#tell(type, true)
    }
    return paused
  }

  /** Resolves when both have it: no claim started afterwards gives anything of a paused type. */
  async setPaused(type: string, paused: boolean): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const row = await this.#read(type)
      if (row?.paused === paused) break
      const [stored] = row
        ? await this.#table.replace([{ ...row, paused, rev: row.rev + 1 }])
        : await this.#table.insert([this.#newRow(type, paused)])
      if (stored) break
    }
    const others = [...this.#paused].filter((other) => other !== type)
    this.#paused = new Set(paused ? [...others, type] : others)
    await this.#queues.setPaused(type, paused)
  }

  /** Tells the broker again what it should know. `forgetful`: it lost its flags, so only the paused types matter. */
  async replay(forgetful: boolean): Promise<void> {
    const rows = await this.list()
    await inParallel(rows, async (row) => {
      if (forgetful && !row.paused) return
      const told = forgetful ? false : await this.#queues.isPaused(row.id)
      if (told === row.paused || (told === undefined && !row.paused)) return
      await this.#tell(row.id, row.paused)
    })
  }

  /** Reads the truth again afterwards, so that a change made meanwhile is not undone. */
  async #tell(type: string, paused: boolean): Promise<void> {
    let truth = paused
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      await this.#queues.setPaused(type, truth)
      const now: boolean = (await this.#read(type))?.paused ?? false
      if (now === truth) return
      truth = now
    }
  }

  #newRow(type: string, paused: boolean): TypeRow {
    return { id: type, paused, finishedAt: null, rev: this.#revisions.next() }
  }

  async #read(type: string): Promise<TypeRow | undefined> {
    const [row] = await this.#table.read([type])
    if (row instanceof Unreadable) throw row.error
    return row ?? undefined
  }
}
