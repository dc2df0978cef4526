/** Mistakes in what happens to an id under its lease, and in pausing, waiting and waking. */
import type { BrokerStrategy, Lease, QueueSize, ReceiptItem } from '@sched/core/adapter'
import type { Entry, Queue } from '../model/queue.ts'
import type { Claim } from '../model/queue-rules.ts'
import { broker } from './broker-claims.ts'
import type { Mutant } from './mutant.ts'

export const leaseMutants: readonly Mutant[] = [
  {
    mistake: 'acks without a receipt',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override finish(queue: Queue, id: string, _receipt: string | undefined): boolean {
            return super.finish(queue, id, undefined)
          }
        },
    ),
    fails: {
      'broker/ack-double': 'a second ack with the receipt',
      'broker/ack-late-harmless': 'ack after the lease ended, nobody having claimed',
      'broker/ack-many': 'what ackMany resolves to',
      'broker/same-consumer-aba': 'ack with the first receipt',
      'model/broker': 'ack of a with a receipt used before',
      'race/ack-vs-expiry': 'what another was given, the ack at the end of the lease having resolved true',
    },
  },
  {
    mistake: 'nacks without a receipt',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override giveBack(
            queue: Queue,
            id: string,
            delayMs: number,
            _receipt: string | undefined,
          ): boolean {
            return super.giveBack(queue, id, delayMs, undefined)
          }
        },
    ),
    fails: {
      'broker/ack-many': 'what nackMany resolves to',
      'broker/nack-late-harmless': 'nack after the lease ended, nobody having claimed',
      'broker/same-consumer-aba': 'nack with the first receipt',
    },
  },
  {
    mistake: 'a lease that ended can still be acked while nobody else has claimed the id',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override holds(entry: Entry, receipt: string): boolean {
            return entry.lease?.receipt === receipt
          }
          protected override mayExtend(entry: Entry, consumer: string, receipt: string | undefined): boolean {
            return this.isLeased(entry) && super.mayExtend(entry, consumer, receipt)
          }
        },
    ),
    fails: {
      'broker/ack-late-harmless': 'ack after the lease ended, nobody having claimed',
      'broker/nack-late-harmless': 'nack after the lease ended, nobody having claimed',
    },
  },
  {
    mistake: 'acking an unknown id is an error',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override finish(queue: Queue, id: string, receipt: string | undefined): boolean {
            if (!queue.entries.has(id)) throw new Error(`unknown id ${id}`)
            return super.finish(queue, id, receipt)
          }
        },
    ),
    fails: {
      'broker/ack-double': 'a second ack',
      'broker/ack-many': 'an unexpected Error: unknown id nobody',
      'broker/ack-unknown': 'ack of an unknown id',
      'broker/name-isolated-batches': 'an unexpected Error: unknown id b',
      'model/broker': 'an unexpected Error: unknown id a',
    },
  },
  {
    mistake: 'acks at the claim',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override take(name: string, claim: Claim): Lease[] {
            const leases = super.take(name, claim)
            for (const { id } of leases) this.finish(this.queue(name), id, undefined)
            return leases
          }
        },
    ),
    fails: {
      'broker/ack': 'what is claimable after the lease: not the acknowledged',
      'broker/ack-double': 'ack with the receipt',
      'broker/ack-late-harmless': 'the id that claimLeases of one gives from mail',
      'broker/ack-many': 'what ackMany resolves to',
      'broker/block-crash-no-loss': 'what is claimable once every lease ended (nothing was acknowledged)',
      'broker/block-due': 'claimBlocking after another’s lease ended',
      'broker/delay-negative': 'extendLock after the rejected nacks',
      'broker/expiry-no-scanner': 'the very first claim of another node, the holder’s being closed',
      'broker/expiry-redelivers': 'claimLeases after the leases ended',
      'broker/extend': 'extendLock with the queue, on another node',
      'broker/extend-foreign': 'claim after the holder’s own lease',
      'broker/extend-late': 'claim by another afterwards',
      'broker/extend-many': 'what extendMany resolves to',
      'broker/has': 'has of none, ended, delayed, done, leased, other, waiting, ended',
      'broker/lease-fields': 'id and deliveries after a nack',
      'broker/max-active': 'how many are leased after nine claims at once with maxActive 3',
      'broker/max-active-per-queue': 'a claim with maxActive 3 when three are leased, by two methods',
      'broker/nack-back-of-band': 'the order after two nacks',
      'broker/nack-delay': 'claim after the delay',
      'broker/nack-keeps-priority': 'the order after nack of the higher',
      'broker/nack-late-harmless': 'the id that claimLeases of one gives from mail',
      'broker/nack-now': 'claim by another after nack',
      'broker/name-isolated': 'what nack gave back to "q"',
      'broker/next-due': 'nextDueIn when that one is leased',
      'broker/pause-active-finishes': 'extendLock while paused',
      'broker/pause-delay-runs': 'claim after resume',
      'broker/publish-many': 'the order after publishMany',
      'broker/remove': 'remove of the leased id',
      'broker/republish-claimed-no-block': 'claim of one, after the republish of "a"',
      'broker/republish-claimed-no-steal': 'claim by another after the republish',
      'broker/same-consumer-aba': 'the id that claimLeases of one gives from mail',
      'broker/size': 'size',
      'broker/strategy-switch-strands-none': 'what the claims gave',
      'broker/wake-hint-time': 'a wake for a freed slot',
      'fault/kill-after-claim': 'what another claims after the leases ended',
      'fault/kill-before-ack': 'what another claims after the lease ended',
      'job-store/concurrency-cluster-wide': 'jobs that four claims at once got, with maxActive 2',
      'model/broker': 'size after claim',
      'race/ack-vs-expiry': 'what another was given, the ack at the end of the lease having resolved false',
      'race/extend-vs-expiry': 'what another was given, extendLock having rejected',
      'race/no-loss': 'what was acknowledged or is left to claim',
      'time/long-transaction': 'extendLock right after a claim that had waited for longer than its lease',
      'time/node-one-hour-ahead': 'claim by the other after the lease that the node whose clock is off had',
      'time/node-one-hour-behind': 'claim by the other after the lease that the node whose clock is off had',
      'time/ttl-floor': 'claim by another after a lease of',
    },
  },
  {
    mistake: 'extend revives a dead lease',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override mayExtend(entry: Entry, consumer: string, receipt: string | undefined): boolean {
            const { lease } = entry
            return lease?.consumer === consumer && (receipt === undefined || receipt === lease.receipt)
          }
        },
    ),
    fails: {
      'broker/extend-late': 'extendLock after the end, nobody else having claimed',
    },
  },
  {
    mistake: 'anybody may extend',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override mayExtend(entry: Entry): boolean {
            return this.isLeased(entry)
          }
        },
    ),
    fails: {
      'broker/extend-foreign': 'extendLock by another consumer',
      'broker/extend-late': 'extendLock when another has claimed',
      'broker/extend-many': 'what extendMany resolves to',
      'broker/nack-now': 'extendLock by the former holder',
      'broker/same-consumer-aba': 'extendLock with the first receipt',
      'race/extend-vs-expiry': 'what another was given, extendLock having resolved',
      'time/node-one-hour-ahead': 'extendLock by the node whose clock is off after its lease',
      'time/node-one-hour-behind': 'extendLock by the node whose clock is off after its lease',
    },
  },
  {
    mistake: 'extend adds to the end instead of counting from now',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override extend(
            queue: Queue,
            consumer: string,
            leaseMs: number,
            item: ReceiptItem,
          ): boolean {
            const until = queue.entries.get(item.id)?.lease?.until ?? 0
            const extended = super.extend(queue, consumer, leaseMs, item)
            const lease = queue.entries.get(item.id)?.lease
            if (extended && lease) lease.until = until + leaseMs
            return extended
          }
        },
    ),
    fails: {
      'broker/extend': 'what is claimable after the lease that was made shorter',
    },
  },
  {
    mistake: 'extend never shortens a lease',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override extend(
            queue: Queue,
            consumer: string,
            leaseMs: number,
            item: ReceiptItem,
          ): boolean {
            const until = queue.entries.get(item.id)?.lease?.until ?? 0
            const extended = super.extend(queue, consumer, leaseMs, item)
            const lease = queue.entries.get(item.id)?.lease
            if (extended && lease) lease.until = Math.max(until, lease.until)
            return extended
          }
        },
    ),
    fails: {
      'broker/extend': 'what is claimable after the lease that was made shorter',
    },
  },
  {
    mistake: 'nack loses the priority',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override putBack(queue: Queue, entry: Entry, delayMs: number): void {
            super.putBack(queue, entry, delayMs)
            queue.move(entry, { priority: 0 })
          }
        },
    ),
    fails: {
      'broker/nack-keeps-priority': 'the order after nack of the higher',
      'job-store/concurrency-place-comes-back': 'the jobs that w could claim',
    },
  },
  {
    mistake: 'an immediate nack goes to the front',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override putBack(queue: Queue, entry: Entry, delayMs: number): void {
            if (delayMs > 0) super.putBack(queue, entry, delayMs)
          }
        },
    ),
    fails: {
      'broker/nack-back-of-band': 'the claim after nack of "a"',
    },
  },
  {
    mistake: 'an immediate nack goes behind everything',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override putBack(queue: Queue, entry: Entry, delayMs: number): void {
            super.putBack(queue, entry, delayMs)
            if (delayMs === 0) queue.move(entry, { priority: -20 })
          }
        },
    ),
    fails: {
      'broker/nack-keeps-priority': 'the order after nack of the higher',
      'job-store/concurrency-place-comes-back': 'the jobs that w could claim',
    },
  },
  {
    mistake: 'nack ignores its delay',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override putBack(queue: Queue, entry: Entry): void {
            super.putBack(queue, entry, 0)
          }
        },
    ),
    fails: {
      'broker/ack-many': 'what is claimable afterwards: one is delayed, one still leased',
      'broker/nack-delay': 'claim before the delay ended',
      'fault/kill-before-ack': 'what another claims after the lease ended',
      'job-store/concurrency-place-comes-back': 'the jobs that w could claim',
      'model/broker': 'size after nack',
    },
  },
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
      'model/hybrid': 'what a claim of all gives',
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
