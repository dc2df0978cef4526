import type { IBrokerEngine, Lease } from '@sched/core/adapter'

export interface Offer {
  readonly name: string
  readonly consumer: string
  readonly leaseMs: number
  readonly handOver: (lease: Lease) => void
}

type Claim = Required<IBrokerEngine>['claimLeases']

/** Makes of a broker one whose claims stay open, and hands over to them what a test says. */
export class Offers {
  #claim: Claim | undefined
  /** The claim made last; undefined: it does not stay open. */
  latest: Offer | undefined

  add(broker: IBrokerEngine): void {
    const claim = (broker as Required<IBrokerEngine>).claimLeases.bind(broker)
    this.#claim = claim
    broker.claimLeases = async (name, consumer, limit, leaseMs, options = {}) => {
      const leases = await claim(name, consumer, limit, leaseMs, options)
      const { handOver } = options
      this.latest = handOver && { name, consumer, leaseMs, handOver }
      return leases
    }
  }

  /** Leases the next id of its queue to the consumer of this claim, and hands it over. */
  async hand(offer: Offer | undefined = this.latest): Promise<void> {
    const { name, consumer, leaseMs, handOver } = offer!
    const [lease] = await this.#claim!(name, consumer, 1, leaseMs)
    handOver(lease!)
  }
}
