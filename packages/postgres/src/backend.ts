import { InvalidArgumentError } from '@sched/core/adapter'
import { Database } from './database.ts'
import { migrate } from './migrations.ts'
import { type PostgresAdapterOptions, type PostgresSource, type Settings, settingsOf } from './options.ts'
import { checkRights } from './rights.ts'
import resetSql from './sql/server/reset-adapters.sql'
import resetJobsSql from './sql/server/reset-jobs.sql'
import { Wakes } from './wakes.ts'

const CHECK = {
  name: 'check',
  sql: `select current_setting('server_encoding'), current_setting('server_version_num')`,
  repeatable: true,
}
const RESET = { name: 'reset', sql: resetSql, repeatable: true }
const RESET_JOBS = { name: 'reset jobs', sql: resetJobsSql, repeatable: true }
const OLDEST = 130_000

/** What shares a pool: it is made ready once, and ends when the last adapter on it has closed. */
export class Backend {
  readonly settings: Settings
  readonly database: Database
  readonly wakes: Wakes
  readonly #attached = new Set<object>()
  #ready: Promise<void> | undefined
  #reset = false

  constructor(source: PostgresSource, options: PostgresAdapterOptions = {}) {
    this.settings = settingsOf(source, options)
    this.database = new Database(source, this.settings)
    this.wakes = new Wakes(this.database)
  }

  /** Checks the server and the role's rights, migrates, and resets the prefix where that was asked for. A failure is not kept: the next call tries again. */
  ready(): Promise<void> {
    this.#ready ??= this.#prepare().catch((error: unknown) => {
      this.#ready = undefined
      throw error
    })
    return this.#ready
  }

  attach(adapter: object): void {
    this.#attached.add(adapter)
  }

  async detach(adapter: object): Promise<void> {
    this.#attached.delete(adapter)
    if (this.#attached.size > 0) return
    await this.wakes.close()
    await this.database.close()
  }

  /** Whether it is one of the adapters over this pool, and open. */
  has(adapter: object): boolean {
    return this.#attached.has(adapter)
  }

  async #prepare(): Promise<void> {
    const [row] = await this.database.run(CHECK, [])
    const [encoding, version] = row ?? []
    if (encoding !== 'UTF8') {
      throw new InvalidArgumentError(
        `the database is encoded in ${encoding}, which does not hold every text: create it with ENCODING 'UTF8'`,
      )
    }
    if (Number(version) < OLDEST)
      throw new InvalidArgumentError(`PostgreSQL ${version} is too old: version 13 or later is needed`)
    await checkRights(this.database)
    await migrate(this.database)
    if (!this.settings.resetOnInit || this.#reset) return
    await this.database.run(RESET, [this.settings.prefix])
    await this.database.run(RESET_JOBS, [this.settings.prefix])
    this.#reset = true
  }
}
