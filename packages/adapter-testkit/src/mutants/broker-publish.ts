/** Mistakes in how a broker takes what is published. */
import type { BrokerStrategy } from '@sched/core/adapter'
import type { Entry, Queue } from '../model/queue.ts'
import { broker } from './broker-parts.ts'
import type { Mutant } from './mutant.ts'

export const brokerPublishMutants: readonly Mutant[] = [
  {
    mistake: 'delays are whole seconds',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, Math.floor(delayMs / 1000) * 1000, priority)
          }
        },
    ),
    fails: {
      'broker/delay-due': 'claim before the due time',
      'broker/lease-fields': 'milliseconds between the due times of an immediate and a delayed id',
      'broker/republish-earlier-wins': 'claim before the earlier due time',
      'broker/size': 'size before both end',
      'broker/wake-hint-time': 'a wake for a delay that ended',
      'job-store/claim-order': 'the ids of one claim, in order',
      'time/ttl-floor': 'claim within a delay of',
    },
  },
  {
    mistake: 'a delay beyond 2^31 ms fires at once, as setTimeout has it',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, delayMs >= 2 ** 31 ? 0 : delayMs, priority)
          }
        },
    ),
    fails: {
      'broker/delay-over-2^31': 'claim at once',
    },
  },
  {
    mistake: 'a delayed id loses its priority',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, delayMs, delayMs > 0 ? 0 : priority)
          }
        },
    ),
    fails: {
      'broker/delay-joins-priority': 'the order once all are due',
      'job-store/claim-order': 'the ids of one claim, in order',
      'model/broker': 'claim of 1 by x',
    },
  },
  {
    mistake: 'a republish moves the due time back',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, delayMs, priority)
            const entry = queue.entries.get(id)
            if (entry !== undefined && !this.isLeased(entry))
              queue.move(entry, { dueAt: this.serverNow() + delayMs })
          }
        },
    ),
    fails: {
      'broker/republish-earlier-wins': 'a waiting id, published again with a delay',
      'model/broker': 'size after publish',
    },
  },
  {
    mistake: 'a republish takes the last priority, not the higher',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, delayMs, priority)
            const entry = queue.entries.get(id)
            if (entry !== undefined && !this.isLeased(entry)) queue.move(entry, { priority })
          }
        },
    ),
    fails: {
      'broker/double-publish-coalesces': 'the order after a higher and a lower republish',
    },
  },
  {
    mistake: 'priorities out of range are clamped',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override checkPriority(): void {}
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, delayMs, Math.max(-20, Math.min(20, Math.trunc(priority))))
          }
        },
    ),
    fails: {
      'broker/priority-default': 'publish with priority 21',
    },
  },
  {
    mistake: 'negative delays count as now',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override checkDelay(): void {}
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, Math.max(0, delayMs || 0), priority)
          }
        },
    ),
    fails: {
      'broker/delay-negative': 'publish with a delay of -1',
    },
  },
  {
    mistake: 'queue names are compared without regard to case',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override queueKey(name: string): string {
            return name.toLowerCase()
          }
        },
    ),
    fails: {
      'broker/name-isolated': 'what is claimed from the queue "Q"',
      'broker/pause-isolated': 'claim from "MAIL" while "mail" is paused',
    },
  },
  {
    mistake: 'a claim walks the whole backlog',
    slow: true,
    parts: broker(
      (Base) =>
        class extends Base {
          protected override claimable(queue: Queue, strategy: BrokerStrategy, room: number): Entry[] {
            const all = [...queue.inOrder(strategy)].filter((entry) => this.claimableIn(entry) === 0)
            return all.slice(0, Math.max(0, room))
          }
        },
    ),
    fails: {
      'perf/claim-growth': 'the median claim with',
    },
  },
]
