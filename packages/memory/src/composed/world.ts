import {
  type ClaimedJob,
  type ClaimType,
  type IBrokerEngine,
  type IStorageEngine,
  type JobError,
  type JobRecord,
  type JobStore,
  type Logger,
  ManualClock,
  type NewJob,
  type Outcome,
  openJobStore,
} from '@sched/core/adapter'
import { type MemoryAdapters, MemoryServer, memory } from '../index.ts'
import { Line } from './faults.ts'
import type { Offers } from './offers.ts'

export const SCOPE = 's:p:e'
export const LEASE_MS = 3_000
export const TYPE = 'mail'
export const BOOM: JobError = { name: 'Error', message: 'boom' }

/** A process: its own store over lines of its own, to a storage and a broker that know nothing of each other. */
export interface ComposedNode {
  readonly store: JobStore
  readonly storage: Line
  readonly broker: Line
  readonly warnings: string[]
}

/** A storage that changes records in place, and one that replaces them: claims and settles go different ways. */
export const WAYS: readonly { readonly way: string; readonly without: readonly string[] }[] = [
  { way: 'patches', without: [] },
  { way: 'compares and sets', without: ['patchMany'] },
]

export interface NodeOptions {
  /** Methods that the adapters of this node do not have. */
  readonly without?: readonly string[]
  /** The broker's wakes are lost on their way. */
  readonly deaf?: boolean
  /** By which the broker hands over. */
  readonly offers?: Offers
}

/** One storage server and one broker server on a clock that stands still; as many nodes as a test wants. */
export class World {
  readonly clock: ManualClock = new ManualClock()
  readonly #storage: MemoryServer = new MemoryServer({ clock: this.clock })
  readonly #broker: MemoryServer = new MemoryServer({ clock: this.clock })
  readonly #without: readonly string[]

  constructor({ without = [] }: NodeOptions = {}) {
    this.#without = without
  }

  async node({ without = this.#without, deaf = false, offers }: NodeOptions = {}): Promise<ComposedNode> {
    const storage = new Line(SCOPE)
    const broker = new Line(SCOPE)
    const warnings: string[] = []
    const queues = this.queues as IBrokerEngine
    offers?.add(queues)
    if (deaf) queues.subscribe = async () => async () => undefined
    const opened = openJobStore({
      adapters: {
        storage: hide(storage.to(memory({ server: this.#storage }).storage as IStorageEngine), without),
        broker: hide(broker.to(queues), without),
        lock: memory({ server: this.#storage }).lock,
      },
      scope: SCOPE,
      clock: this.clock,
      logger: logTo(warnings),
    })
    await opened.ready()
    return { store: opened.store, storage, broker, warnings }
  }

  /** The broker as it is, for looking. */
  get queues(): MemoryAdapters['broker'] {
    return memory({ server: this.#broker }).broker
  }

  /** The storage as it is, for looking. */
  get records(): MemoryAdapters['storage'] {
    return memory({ server: this.#storage }).storage
  }

  /** The broker loses everything. */
  async flush(): Promise<void> {
    await memory({ server: this.#broker, resetOnInit: true }).broker.ready()
  }
}

export function job(id: string, more: Partial<NewJob> = {}): NewJob {
  return { id, type: TYPE, payload: { of: id }, priority: 0, ...more }
}

export async function join(node: ComposedNode, worker: string, leaseMs: number = LEASE_MS): Promise<void> {
  await node.store.heartbeat({ id: worker, leaseMs, phase: 'join' }, [])
}

export async function claim(
  node: ComposedNode,
  worker: string,
  limit = 10,
  types: readonly ClaimType[] = [{ type: TYPE }],
): Promise<readonly ClaimedJob[]> {
  return (await node.store.settle([], { worker, limit, types })).jobs
}

/** Claims exactly the one job that is there. */
export async function claimOne(node: ComposedNode, worker: string): Promise<ClaimedJob> {
  const jobs = await claim(node, worker)
  if (jobs.length !== 1) throw new Error(`${worker} claimed ${jobs.length} jobs, not one`)
  return jobs[0]!
}

export type OutcomeOf = Outcome extends infer O
  ? O extends Outcome
    ? Omit<O, 'id' | 'token'>
    : never
  : never

export async function settle(
  node: ComposedNode,
  { id, token }: ClaimedJob,
  outcome: OutcomeOf,
): Promise<string> {
  const { settled } = await node.store.settle([{ ...outcome, id, token } as Outcome])
  return settled[0]!
}

export async function record(node: ComposedNode, id: string): Promise<JobRecord> {
  const [found] = await node.store.get([id])
  if (!found) throw new Error(`there is no job ${id}`)
  return found
}

function hide<T extends object>(adapter: T, without: readonly string[]): T {
  return new Proxy(adapter, {
    get: (target, key) => (without.includes(String(key)) ? undefined : Reflect.get(target, key)),
    has: (target, key) => !without.includes(String(key)) && Reflect.has(target, key),
  })
}

function logTo(warnings: string[]): Logger {
  return {
    debug() {},
    info() {},
    warn: (message) => warnings.push(message),
    error: (message) => warnings.push(message),
  }
}
