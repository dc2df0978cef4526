import type { BrokerStrategy } from '@sched/core/adapter'
import { Line } from './line.ts'

export interface EntryLease {
  readonly consumer: string
  readonly receipt: string
  until: number
}

/** One id in a queue: waiting, delayed or leased, all told by `dueAt`, `lease` and the time. */
export interface Entry {
  readonly id: string
  priority: number
  dueAt: number
  /** The publisher's order among entries of one priority and one due time. */
  seq: number
  deliveries: number
  /** Stays after it ended, until the id is claimed, given back or removed. */
  lease: EntryLease | null
}

/** Higher priority first, then by due time, then in the publisher's order. */
function byPriority(a: Entry, b: Entry): number {
  return b.priority - a.priority || byDue(a, b)
}

function byDue(a: Entry, b: Entry): number {
  return a.dueAt - b.dueAt || a.seq - b.seq
}

export class Queue {
  readonly entries: Map<string, Entry> = new Map()
  readonly wakes: Set<() => void> = new Set()
  readonly #priority = new Line<Entry>(byPriority)
  paused = false

  inOrder(strategy: BrokerStrategy): Iterable<Entry> {
    if (strategy === 'priority') return this.#priority
    const byTime = [...this.entries.values()].sort(byDue)
    return strategy === 'fifo' ? byTime : byTime.reverse()
  }

  add(entry: Entry): void {
    this.entries.set(entry.id, entry)
    this.#priority.add(entry)
  }

  remove(entry: Entry): void {
    this.#priority.remove(entry)
    this.entries.delete(entry.id)
  }

  /** Changes what the order goes by, and keeps the entry in its place. */
  move(entry: Entry, change: Partial<Pick<Entry, 'priority' | 'dueAt' | 'seq'>>): void {
    this.#priority.remove(entry)
    Object.assign(entry, change)
    this.#priority.add(entry)
  }

  /** Everything but its listeners: those are connections, which outlive the data. */
  clear(): void {
    for (const entry of [...this.entries.values()]) this.remove(entry)
    this.paused = false
  }

  wake(): void {
    for (const listener of [...this.wakes]) listener()
  }
}
