/**
 * A scheduler's job store. Over adapters that were handed in it is there at once, with all their faults told by the constructor; a mode's
 * packages are loaded at the first use.
 */
import { makeAdapters } from '../adapters/create-adapters.ts'
import { type AdapterPlan, isPlan } from '../adapters/modes.ts'
import { scopeOf } from '../adapters/scope.ts'
import type { Adapters } from '../contracts/backend.ts'
import { type OpenedJobStore, openJobStore } from '../store/open-job-store.ts'
import { AdapterUse } from './adapter-use.ts'
import type { SchedulerSettings } from './scheduler-options.ts'

export class StoreSource {
  readonly #settings: SchedulerSettings
  readonly #scope: string
  #found: { readonly opened: OpenedJobStore; readonly use: AdapterUse } | undefined
  #loading: Promise<OpenedJobStore> | undefined
  #closed = false

  /** Throws INVALID_ARGUMENT, ADAPTER_INVALID, UNSUPPORTED. */
  constructor(settings: SchedulerSettings) {
    this.#settings = settings
    this.#scope = scopeOf(settings.scope)
    if (!isPlan(settings.adapters)) this.#found = this.#over(settings.adapters)
  }

  get scope(): string {
    return this.#scope
  }

  /** Loads what is missing; connects nothing. Rejects as `createAdapters` does, and may then be called again. */
  async open(): Promise<OpenedJobStore> {
    if (this.#found) return this.#found.opened
    this.#loading ??= this.#load(this.#settings.adapters as AdapterPlan).finally(() => {
      this.#loading = undefined
    })
    return await this.#loading
  }

  /** Closes the store, and the adapters when no other scheduler of this process uses them. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    if (!this.#found) return
    const { opened, use } = this.#found
    await opened.closeStore()
    await use.end(this.#settings.closeAdapters ? () => opened.close() : undefined)
  }

  async #load(plan: AdapterPlan): Promise<OpenedJobStore> {
    const { logger } = this.#settings
    if (this.#settings.isUnchosen)
      logger.warn(
        "neither adapters nor a mode were given: jobs are kept in this process's memory and end with it; say mode: 'default' if that is meant",
      )
    this.#found = this.#over(await makeAdapters(plan, logger))
    // stopped meanwhile: nobody will use them
    if (this.#closed) await this.close()
    return this.#found.opened
  }

  #over(adapters: Adapters): { readonly opened: OpenedJobStore; readonly use: AdapterUse } {
    const { clock, logger, fuse, requireFenced } = this.#settings
    const opened = openJobStore({ adapters, scope: this.#scope, clock, logger, fuse, requireFenced })
    return { opened, use: new AdapterUse(adapters) }
  }
}
