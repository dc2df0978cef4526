/** Mistakes in pausing, waiting, waking and looking. */
import type { BrokerStrategy, Lease, QueueSize } from '@sched/core/adapter'
import type { Entry, Queue } from '../model/queue.ts'
import type { Claim } from '../model/queue-rules.ts'
import { broker } from './broker-parts.ts'
import type { Mutant } from './mutant.ts'

export const brokerWaitMutants: readonly Mutant[] = [
  {
    mistake: 'the pause lives in one process',
    parts: broker(
      (Base) =>
        class extends Base {
          readonly #paused = new Set<string>()
          protected override paused(name: string): boolean {
            return this.#paused.has(name)
          }
          protected override setPaused(name: string, paused: boolean): void {
            if (paused) this.#paused.add(name)
            else this.#paused.delete(name)
            this.queue(name).wake()
          }
        },
    ),
    fails: {
      'broker/block-pause': 'claimBlocking after resume',
      'broker/pause-durable': 'claim on a fresh node, after every node was closed',
      'broker/pause-empty': 'claim while paused, on another node',
      'job-store/pause-resume': 'what w claims of a paused type',
      'race/pause-vs-claim': 'what claims gave that started after pause had resolved',
    },
  },
  {
    mistake: 'pausing one queue pauses all',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override paused(): boolean {
            return [...this.space.queues.values()].some((queue) => queue.paused)
          }
        },
    ),
    fails: {
      'broker/name-isolated-batches': 'isPaused of both, the second being paused',
      'broker/pause-isolated': 'claim from "mail2" while "mail" is paused',
      'broker/wake-hint-time': 'what is claimable then',
      'job-store/pause-resume': 'the jobs that w could claim',
      'model/broker': 'isPaused after publish',
      'model/hybrid': 'what a claim of all gives',
    },
  },
  {
    mistake: 'a paused queue drops what is published',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            if (!queue.paused) super.put(queue, id, delayMs, priority)
          }
        },
    ),
    fails: {
      'broker/block-pause': 'claimBlocking after resume',
      'broker/pause-accepts-publish': 'claim after resume',
      'broker/pause-durable': 'claim after resume',
      'job-store/composed-equals-fused': 'what a claim of all gives',
      'job-store/pause-resume': 'the jobs that w could claim',
      'model/broker': 'size after publish',
    },
  },
  {
    mistake: 'a second pause resumes',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override setPaused(name: string, paused: boolean): void {
            super.setPaused(name, paused && !this.paused(name))
          }
        },
    ),
    fails: {
      'broker/pause-idempotent': 'claim while paused',
      'job-store/pause-resume': 'what w claims of a paused type',
    },
  },
  {
    mistake: 'pausing stops the delays',
    parts: broker((Base) => {
      const since = new WeakMap<Queue, number>()
      return class extends Base {
        protected override setPaused(name: string, paused: boolean): void {
          const queue = this.queue(name)
          const began = since.get(queue)
          if (paused) since.set(queue, began ?? this.serverNow())
          else if (began !== undefined) {
            for (const entry of [...queue.entries.values()]) {
              if (entry.dueAt > began) queue.move(entry, { dueAt: entry.dueAt + this.serverNow() - began })
            }
            since.delete(queue)
          }
          super.setPaused(name, paused)
        }
      }
    }),
    fails: {
      'broker/pause-delay-runs': 'claim after resume',
    },
  },
  {
    mistake: 'close hangs a waiter',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override woken(name: string, end: number): Promise<void> {
            const { clock } = this.space
            return new Promise((resolve) => {
              const stop = this.watch(name, () => done())
              const timer = clock.after(end - clock.now(), () => done())
              const done = (): void => {
                stop()
                timer.cancel()
                resolve()
              }
            })
          }
        },
    ),
    fails: {
      'broker/block-abort': 'claimBlocking after the abort',
      'broker/block-close': 'the blocked claims after close',
    },
  },
  {
    mistake: 'loses the id when a blocked claim crashes',
    parts: broker(
      (Base) =>
        class extends Base {
          override async claimBlocking(
            name: string,
            consumer: string,
            leaseMs: number,
            timeoutMs: number,
            strategy: BrokerStrategy = 'priority',
            signal?: AbortSignal,
          ): Promise<string | null> {
            const claim = this.checkedClaim(name, consumer, 1, leaseMs, { strategy })
            const end = this.space.clock.now() + timeoutMs
            while (!signal?.aborted) {
              const popped = await this.step(() => {
                const [first] = this.paused(name) ? [] : this.claimable(this.queue(name), strategy, 1)
                if (first !== undefined) this.queue(name).remove(first)
                return first
              })
              if (signal?.aborted) return null
              if (popped !== undefined) {
                await this.step(() => {
                  this.queue(name).add(popped)
                  return this.lease(name, popped, claim)
                })
                return popped.id
              }
              if (this.closed || this.space.clock.now() >= end) return null
              await this.woken(name, end, signal)
              if (this.closed) return null
            }
            return null
          }
        },
    ),
    fails: {
      'broker/block-crash-no-loss': 'what is claimable once every lease ended (nothing was acknowledged)',
    },
  },
  {
    mistake: 'a waiter that is gone still takes an id',
    sometimes: ['broker/block-crash-no-loss'],
    parts: broker(
      (Base) =>
        class extends Base {
          protected override async woken(
            name: string,
            end: number,
            signal: AbortSignal | undefined,
          ): Promise<void> {
            const queue = this.queue(name)
            const pop = (): void => {
              const [entry] = this.paused(name) ? [] : this.claimable(queue, 'priority', 1)
              if (entry === undefined) return
              queue.wakes.delete(pop)
              if (this.closed || signal?.aborted) queue.remove(entry)
            }
            queue.wakes.add(pop)
            await super.woken(name, end, signal)
            if (!this.closed && !signal?.aborted) queue.wakes.delete(pop)
          }
        },
    ),
    fails: {
      'broker/block-abort': 'claim by another of an id published after the abort',
      'broker/block-close': 'claim by another of an id published after close',
    },
  },
  {
    mistake: 'a blocked claim sleeps through a due moment',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override watch(name: string, onWake: () => void): () => void {
            const queue = this.queue(name)
            queue.wakes.add(onWake)
            return () => queue.wakes.delete(onWake)
          }
        },
    ),
    fails: {
      'broker/wake-hint-time': 'a wake for a delay that ended',
    },
  },
  {
    mistake: 'a blocked claim ignores its signal',
    parts: broker(
      (Base) =>
        class extends Base {
          override async claimBlocking(
            name: string,
            consumer: string,
            leaseMs: number,
            timeoutMs: number,
            strategy?: BrokerStrategy,
          ): Promise<string | null> {
            return await super.claimBlocking(name, consumer, leaseMs, timeoutMs, strategy)
          }
        },
    ),
    fails: {
      'broker/block-abort': 'claimBlocking after the abort',
    },
  },
  {
    mistake: 'size counts expired leases as leased',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override stateOf(entry: Entry): keyof QueueSize {
            return entry.lease === null ? super.stateOf(entry) : 'leased'
          }
        },
    ),
    fails: {
      'broker/size': 'size after both ended',
    },
  },
  {
    mistake: 'nextDueIn does not know of leases',
    parts: broker(
      (Base) =>
        class extends Base {
          override async nextDueIn(name: string): Promise<number | null> {
            return await this.step(() => {
              const waits = [...this.queue(name).entries.values()]
                .filter((entry) => !this.isLeased(entry))
                .map((entry) => this.claimableIn(entry))
              return waits.length === 0 || this.paused(name) ? null : Math.min(...waits)
            })
          }
        },
    ),
    fails: {
      'broker/next-due': 'nextDueIn when that one is leased',
    },
  },
  {
    mistake: 'incarnation is that of the process',
    parts: broker(
      (Base) =>
        class extends Base {
          readonly #mine = `${Math.random()}`
          override async incarnation(): Promise<string> {
            await super.incarnation()
            return this.#mine
          }
        },
    ),
    fails: {
      'broker/incarnation': 'incarnation on another node',
    },
  },
  {
    mistake: 'wakes reach their own process only',
    parts: broker(
      (Base) =>
        class extends Base {
          readonly #mine = new Set<(name: string) => void>()
          override async subscribe(
            names: readonly string[],
            onWake: (name: string) => void,
          ): Promise<() => Promise<void>> {
            const mine = (name: string): void => {
              if (names.includes(name)) onWake(name)
            }
            this.#mine.add(mine)
            return async () => void this.#mine.delete(mine)
          }
          override async publishMany(
            name: string,
            items: readonly { id: string; delayMs?: number; priority?: number }[],
          ): Promise<void> {
            await super.publishMany(name, items)
            for (const wake of this.#mine) wake(name)
          }
        },
    ),
    fails: {
      'broker/wake-hint': 'a wake for "mail"',
      'broker/wake-hint-time': 'a wake for a delay that ended',
      'job-store/subscribe-wakes': 'a wake for mail after another node inserted a job of it',
    },
  },
  {
    mistake: 'remove does not touch what is leased',
    parts: broker(
      (Base) =>
        class extends Base {
          override async remove(name: string, id: string): Promise<boolean> {
            const entry = await this.step(() => this.queue(name).entries.get(id))
            return entry !== undefined && !this.isLeased(entry) && (await super.remove(name, id))
          }
        },
    ),
    fails: {
      'broker/remove': 'remove of the leased id',
    },
  },
  {
    mistake: 'extendLock without a name knows the last queue only',
    parts: broker(
      (Base) =>
        class extends Base {
          #last: string | undefined
          protected override lease(name: string, entry: Entry, claim: Claim): Lease {
            this.#last = name
            return super.lease(name, entry, claim)
          }
          override async extendLock(
            id: string,
            consumer: string,
            leaseMs: number,
            name?: string,
            receipt?: string,
          ): Promise<void> {
            await super.extendLock(id, consumer, leaseMs, name ?? this.#last, receipt)
          }
        },
    ),
    fails: {
      'broker/extend': 'extendLock without the queue, another one having been claimed from since',
    },
  },
]
