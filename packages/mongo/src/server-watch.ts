/** What the driver's monitors say of the servers: whether a call can have been sent at all, and why not. */
import type { MongoClient, TopologyDescription } from 'mongodb'
import { messageOf } from './errors.ts'

/** One for each client, so that a client of the user's gets its listeners once. */
const watches = new WeakMap<MongoClient, ServerWatch>()

export function watchOf(client: MongoClient): ServerWatch {
  const known = watches.get(client)
  if (known) return known
  const watch = new ServerWatch(client)
  watches.set(client, watch)
  return watch
}

const WRITABLE = new Set(['RSPrimary', 'Standalone', 'Mongos', 'LoadBalancer'])
const UNKNOWN = new Set(['Unknown', 'PossiblePrimary'])

interface Finding {
  readonly text: string
  /** The driver's own. */
  readonly error?: Error
}

export class ServerWatch {
  readonly #setName: string | undefined
  /** What the latest look at a server found, by host and port; undefined where there is nothing to complain of. */
  readonly #found = new Map<string, Finding | undefined>()
  readonly #hopes = new Set<(lost: Error) => void>()
  #reachableUntil = Number.POSITIVE_INFINITY

  constructor(client: MongoClient) {
    this.#setName = client.options.replicaSet
    client
      .on('topologyOpening', () => {
        this.#reachableUntil = Number.NEGATIVE_INFINITY
      })
      .on('serverHeartbeatFailed', ({ connectionId: server, failure: error }) => {
        this.#found.set(server, failed(server, error))
      })
      .on('serverHeartbeatSucceeded', ({ connectionId: server, reply }) => {
        const text = strangeness(server, reply, this.#setName)
        this.#found.set(server, text === undefined ? undefined : { text })
      })
      .on('topologyDescriptionChanged', ({ newDescription }) => this.#changed(newDescription))
    // a client of the user's may have connected before, which the driver does not declare
    const { topology } = client as { topology?: { readonly description?: TopologyDescription } }
    if (topology?.description) this.#changed(topology.description)
  }

  /** On the monotonic clock: a call that began later found no server to be sent to. Infinity while there is one. */
  get reachableUntil(): number {
    return this.#reachableUntil
  }

  /** What is wrong with which server; empty when nothing is known to be. */
  get report(): string {
    return [...this.#found.values()].flatMap((finding) => finding?.text ?? []).join('; ')
  }

  /** The driver's own error about one of the servers. */
  get cause(): Error | undefined {
    return [...this.#found.values()].find((finding) => finding?.error !== undefined)?.error
  }

  /** Rejects once the driver has given up every server it was told of: it looks at none of them again. `stop` ends the waiting. */
  hopeless(): { readonly lost: Promise<never>; stop(): void } {
    let hope: (lost: Error) => void = () => undefined
    const lost = new Promise<never>((_, reject) => {
      hope = reject
      this.#hopes.add(hope)
    })
    return { lost, stop: () => this.#hopes.delete(hope) }
  }

  #changed({ type: kind, servers: described }: TopologyDescription): void {
    const servers = [...described.values()]
    const isUsable = servers.some(({ type }) => (kind === 'Single' ? !UNKNOWN.has(type) : WRITABLE.has(type)))
    if (isUsable) {
      this.#reachableUntil = Number.POSITIVE_INFINITY
      // others that the URL names, and the set does not
      for (const server of this.#found.keys()) if (!described.has(server)) this.#found.delete(server)
    } else if (this.#reachableUntil === Number.POSITIVE_INFINITY) {
      this.#reachableUntil = performance.now()
    }
    for (const { address, error } of servers) {
      if (this.#found.has(address) || isUsable) continue
      const silent = { text: `${address} has not answered as a MongoDB server does` }
      this.#found.set(address, error ? failed(address, error) : silent)
    }
    if (servers.length > 0) return
    const lost = new Error(
      `no server of the URL can be used: ${this.report}; check replicaSet, host and port`,
    )
    for (const giveUp of this.#hopes) giveUp(lost)
  }
}

function failed(server: string, error: Error): Finding {
  const message = messageOf(error)
  return { text: message.includes(server) ? message : `${server}: ${message}`, error }
}

interface Hello {
  readonly setName?: string
  readonly isreplicaset?: boolean
  readonly isWritablePrimary?: boolean
  readonly ismaster?: boolean
}

/** Why a server that answers is none to work with. */
function strangeness(server: string, hello: Hello, wanted: string | undefined): string | undefined {
  const { setName, isreplicaset } = hello
  if (isreplicaset) return `${server} belongs to a replica set that is not initiated: run rs.initiate()`
  if (wanted !== undefined && setName === undefined)
    return `${server} is a standalone, not a member of the replica set "${wanted}"`
  if (wanted !== undefined && setName !== wanted)
    return `${server} is a member of the replica set "${setName}", not of "${wanted}"`
  const isPrimary = hello.isWritablePrimary ?? hello.ismaster ?? true
  return isPrimary ? undefined : `${server} answers, and is not the primary`
}
