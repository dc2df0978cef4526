/** The numbers that stand for scopes and types in the job store's documents and indexes. Once given, a number stays. */
import type { Document } from 'mongodb'
import { keyUnder } from './collections.ts'
import type { MongoConnection } from './connection.ts'
import { codeOf, DUPLICATE_KEY } from './errors.ts'
import { JOB_NAMES } from './job-indexes.ts'

interface NameDocument extends Document {
  readonly _id: string
  readonly n: number
  /** Of a type: its name. */
  readonly t?: string
}

/** In every database once: the last number given. No prefix begins with it. */
const COUNTER = '#'

export class JobNames {
  readonly #connection: MongoConnection
  readonly #scopeName: string
  readonly #numbers = new Map<string, number>()
  readonly #names = new Map<number, string>()
  #scope: Promise<number> | undefined

  constructor(connection: MongoConnection, scopeName: string) {
    this.#connection = connection
    this.#scopeName = scopeName
  }

  /** The number of the scope; of its types all are known that have one. Throws UNAVAILABLE, CLOSED. */
  async open(): Promise<number> {
    await this.all()
    return await this.scope()
  }

  /** Throws UNAVAILABLE, CLOSED; then the next call tries again. */
  scope(): Promise<number> {
    this.#scope ??= this.#give(`s:${this.#scopeName}`).catch((error: unknown) => {
      this.#scope = undefined
      throw error
    })
    return this.#scope
  }

  /** In order, where all were seen before. */
  knownNumbers(types: readonly string[]): readonly number[] | undefined {
    const numbers: number[] = []
    for (const type of types) {
      const number = this.#numbers.get(type)
      if (number === undefined) return undefined
      numbers.push(number)
    }
    return numbers
  }

  /** In order. No trip for types that were seen before. */
  async numbers(types: readonly string[]): Promise<readonly number[]> {
    const known = this.knownNumbers(types)
    if (known !== undefined) return known
    const missing = new Set(types.filter((type) => !this.#numbers.has(type)))
    const scope = await this.scope()
    await Promise.all(
      Array.from(missing, async (type) => this.#note(type, await this.#give(`t:${scope}:${type}`, type))),
    )
    return types.map((type) => this.#numbers.get(type) as number)
  }

  /** Every type of the scope, by number. */
  async all(): Promise<ReadonlyMap<number, string>> {
    const from = keyUnder(this.#connection.settings.prefix, `t:${await this.scope()}:`)
    const found = await this.#connection.run({ name: 'job types', repeatable: true }, () =>
      this.#names_()
        .find({ _id: { $gte: from, $lt: `${from.slice(0, -1)};` } })
        .toArray(),
    )
    for (const { n, t } of found) this.#note(t as string, n)
    return this.#names
  }

  /** The names of these numbers, which were given to types of this scope. */
  async namesOf(numbers: Iterable<number>): Promise<ReadonlyMap<number, string>> {
    for (const number of numbers) if (!this.#names.has(number)) return await this.all()
    return this.#names
  }

  /** The name of a type whose number this process gave or looked up. */
  known(number: number): string {
    return this.#names.get(number) as string
  }

  #note(type: string, number: number): void {
    this.#numbers.set(type, number)
    this.#names.set(number, type)
  }

  /** As often as it is asked, by whomever, the same number. */
  async #give(key: string, type?: string): Promise<number> {
    const _id = keyUnder(this.#connection.settings.prefix, key)
    const given = async (): Promise<number | undefined> => {
      const found = await this.#connection.run({ name: 'job name', repeatable: true }, () =>
        this.#names_().findOne({ _id }),
      )
      return found?.n
    }
    const known = await given()
    if (known !== undefined) return known
    const n = await this.#next()
    try {
      const named = { _id, n, ...(type !== undefined && { t: type }) }
      await this.#connection.run({ name: 'name jobs' }, () => this.#names_().insertOne(named))
      return n
    } catch (error) {
      // somebody was quicker
      if (codeOf((error as Error).cause) === DUPLICATE_KEY) return (await given()) as number
      throw error
    }
  }

  /** A number that is lost with an answer is never used. */
  async #next(): Promise<number> {
    const counter = await this.#connection.run({ name: 'number jobs', repeatable: true }, () =>
      this.#connection
        .collection<{ _id: string; last: number }>(JOB_NAMES)
        .findOneAndUpdate({ _id: COUNTER }, { $inc: { last: 1 } }, { upsert: true, returnDocument: 'after' }),
    )
    return counter?.last as number
  }

  #names_() {
    return this.#connection.collection<NameDocument>(JOB_NAMES)
  }
}
