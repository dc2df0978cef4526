/**
 * Hears of leases that the server hands to claims which stay open: lua/broker/publish.lua tells when. While nobody listens the server hands
 * nothing over. What a consumer's next claim is answered before the message arrives, that claim gives; what gets lost, too, or its lease ends.
 */
import type { Lease } from '@sched/core/adapter'
import { type ChannelOptions, HandOverChannel } from './hand-over-channel.ts'

/** A claim that may stay open, as the claim script takes it. */
export interface OpenClaim {
  readonly number: string
  readonly channel: string
  /** The last number of this consumer that was heard of; empty: none. */
  readonly heard: string
}

interface Consumer {
  /** Its latest claim, and the one before: what that was handed may be on its way still. */
  latest: string
  before: string
  heard: string
}

interface Waiting {
  readonly consumer: Consumer
  readonly handOver: (lease: Lease) => void
}

export class BrokerHandOvers {
  readonly #channel: HandOverChannel
  readonly #consumers = new Map<string, Consumer>()
  /** By number. */
  readonly #waiting = new Map<string, Waiting>()
  #numbers = 0

  constructor(options: ChannelOptions) {
    this.#channel = new HandOverChannel(options, (text) => this.#hear(text))
  }

  /** Of a claim about to be sent; undefined while nothing would be heard. `key`: of the queue and the consumer. */
  begin(key: string, handOver: (lease: Lease) => void): OpenClaim | undefined {
    if (!this.#channel.listen()) return undefined
    const number = String(++this.#numbers)
    const consumer = this.#consumers.get(key) ?? { latest: '', before: '', heard: '' }
    this.#consumers.set(key, consumer)
    this.#waiting.delete(consumer.before)
    consumer.before = consumer.latest
    consumer.latest = number
    this.#waiting.set(number, { consumer, handOver })
    return { number, channel: this.#channel.name, heard: consumer.heard }
  }

  /** A claim gives what the one of this number was handed: false when that was heard of already, else it will not be. */
  takes(key: string, number: string): boolean {
    this.#waiting.delete(number)
    return this.#consumers.get(key)?.heard !== number
  }

  close(): void {
    this.#channel.close()
    this.#waiting.clear()
    this.#consumers.clear()
  }

  #hear(text: string): void {
    const [number = '', ...parts] = text.split('\0')
    const waiting = this.#waiting.get(number)
    if (waiting === undefined) return
    this.#waiting.delete(number)
    waiting.consumer.heard = number
    waiting.handOver(leaseOf(parts))
  }
}

/** Id, receipt, deliveries and due in microseconds, as the scripts give them. */
export function leaseOf([id = '', receipt = '', deliveries, due]: readonly string[]): Lease {
  return { id, receipt, deliveries: Number(deliveries), dueAt: Math.floor(Number(due) / 1000) }
}
