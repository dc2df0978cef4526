import type { Backend as CoreBackend, FuseParts, JobStore } from '@sched/core/adapter'
import { BrokerHandOvers } from './broker-hand-overs.ts'
import { checkServer } from './checks.ts'
import { type Client, clientFactory } from './client.ts'
import { Connection } from './connection.ts'
import { HandOvers } from './hand-over.ts'
import type { ChannelOptions } from './hand-over-channel.ts'
import { keysInLua, WAKE_KEYS } from './keys.ts'
import leaveHubText from './lua/leave-hub.lua'
import { type RedisAdapterOptions, type RedisSource, type Settings, settingsOf } from './options.ts'
import { resetPrefix } from './reset.ts'
import { type Script, script } from './scripts.ts'
import { WakeHub } from './wake-hub.ts'

const LEAVE_HUB: Script = script('leave', [keysInLua(leaveHubText, WAKE_KEYS), leaveHubText])

/** Registers a hub, and tells what comes due next. */
export interface ListenScript {
  readonly script: Script
  readonly parts: (names: readonly string[]) => readonly string[]
}

/** Makes the fused store of one scope. */
export type MakeJobStore = (backend: Backend, scope: string) => JobStore

/** What shares a server connection: it is made ready once, and ends when the last adapter on it has closed. */
export class Backend implements CoreBackend {
  readonly settings: Settings
  readonly connection: Connection
  readonly #open: () => Client
  readonly #makeJobStore: MakeJobStore
  readonly #attached = new Set<object>()
  readonly #hubs = new Set<WakeHub>()
  readonly #handOvers = new Set<{ close(): void }>()
  #ready: Promise<void> | undefined

  constructor(source: RedisSource, options: RedisAdapterOptions, makeJobStore: MakeJobStore) {
    this.#makeJobStore = makeJobStore
    this.settings = settingsOf(source, options)
    const { deadlineMs } = this.settings
    this.#open = clientFactory(source, deadlineMs)
    this.connection = new Connection({ open: this.#open, deadlineMs, what: 'redis' })
  }

  /** Waits for wakes of one scope, on a connection of its own. `listen.parts`: what the script is given of each name. */
  openHub(base: string, listen: ListenScript): WakeHub {
    const hub = new WakeHub({
      connection: this.connection,
      open: this.#open,
      base,
      listen: async (hub, ttlMs, names) => {
        const next = (await this.connection.run(listen.script, base, [hub, ttlMs, ...listen.parts(names)])) as
          | [inMs: string, which: number]
          | null
        const name = next === null ? undefined : names[next[1] - 1]
        return next === null || name === undefined ? null : { inMs: Number(next[0]), name }
      },
      leave: async (hub) => {
        await this.connection.run(LEAVE_HUB, base, [hub])
      },
      onFault: (error) =>
        this.settings.logger.warn('waiting for Redis was interrupted; it goes on', { error }),
    })
    this.#hubs.add(hub)
    return hub
  }

  /** Listens for jobs that the server hands over, once it is asked to. */
  openHandOvers(base: string, onListening: () => void): HandOvers | undefined {
    return this.#openChannel(HandOvers, base, onListening)
  }

  /** The same for what a broker hands over. */
  openBrokerHandOvers(base: string, onListening: () => void): BrokerHandOvers | undefined {
    return this.#openChannel(BrokerHandOvers, base, onListening)
  }

  /** None on a cluster: there a server does not know who listens at another one. */
  #openChannel<T extends { close(): void }>(
    Channel: new (options: ChannelOptions) => T,
    base: string,
    onListening: () => void,
  ): T | undefined {
    if (this.connection.isCluster) return undefined
    const channel = new Channel({ open: this.#open, base, onListening })
    this.#handOvers.add(channel)
    return channel
  }

  /** Checks the server, and resets the prefix where that was asked for. A failure is not kept: the next call tries again. */
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

  detach(adapter: object): void {
    this.#attached.delete(adapter)
    if (this.#attached.size > 0) return
    for (const hub of this.#hubs) hub.close()
    for (const handOvers of this.#handOvers) handOvers.close()
    this.connection.close()
  }

  fuse({ scope, storage, broker }: FuseParts): JobStore | undefined {
    if (!this.#attached.has(storage) || !this.#attached.has(broker)) return undefined
    return this.#makeJobStore(this, scope)
  }

  async #prepare(): Promise<void> {
    await checkServer(this.connection, this.settings)
    if (this.settings.resetOnInit) await resetPrefix(this.connection, this.settings.prefix)
  }
}
