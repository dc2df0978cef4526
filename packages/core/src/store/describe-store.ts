/** What three adapters and the job store over them amount to, as data and as text. */
import { hasMethod } from '../adapters/declared-methods.ts'
import type { Adapters } from '../contracts/backend.ts'
import type { Traits } from '../contracts/lifecycle.ts'
import type { StoreKind } from './store-kind.ts'

/** What a job store guarantees, and why: for logs, for people who chose adapters, and for tests. Plain data. */
export interface JobStoreDescription {
  /** `fused`: one made by the backend that storage and broker share. `composed`: core's, over any storage and broker. */
  readonly store: StoreKind
  /** Why it is that one, in a sentence. */
  readonly reason: string
  /** The names of the adapters' classes; `an object` for a plain one. */
  readonly adapters: { readonly storage: string; readonly broker: string; readonly lock: string }
  /**
   * `fused`: one round trip a batch, or a few · `fenced`: compare-and-set, pages, server clock and receipts: a stale finish is refused ·
   * `base`: at-least-once, and a stale finish may overwrite.
   */
  readonly tier: 'fused' | 'fenced' | 'base'
  /** What keeps it from the fenced tier, as method and trait names. */
  readonly missing: readonly string[]
  /** In every tier. A job type may choose at-most-once for itself. */
  readonly delivery: 'at-least-once'
  /** True: the result of a worker that lost its lease is refused by the lease token. */
  readonly fenced: boolean
  /** True: `enqueue(…, { tx })` commits with the caller's transaction (the storage's `within`). */
  readonly transactions: boolean
  /** `subscribed`: the broker tells waiting workers of new work; `polled`: they look every `jobProcessingInterval`. */
  readonly wakes: 'subscribed' | 'polled'
  /** How `concurrency` holds over the cluster: counted inside each claim, or by one lock a running job. */
  readonly limits: 'claim' | 'locks'
  /** Whose clock decides what is due and what has expired. */
  readonly clock: 'server' | 'process'
  /** True: each leadership has a number that only grows (the lock's `acquireLease`). */
  readonly leaderTerms: boolean
  /** What an acknowledged enqueue survives; undefined where the storage does not say. */
  readonly durability: Traits['durability'] | undefined
  /** All of it for a person to read, in lines. */
  readonly text: string
}

/** `missing`: what the adapters lack for the fenced tier; only of interest to the composed store. */
export function describeStore(
  adapters: Adapters,
  store: StoreKind,
  reason: string,
  missing: readonly string[],
): JobStoreDescription {
  const { storage, broker, lock } = adapters
  const fused = store === 'fused'
  const facts: Omit<JobStoreDescription, 'text'> = {
    store,
    reason,
    adapters: { storage: nameOf(storage), broker: nameOf(broker), lock: nameOf(lock) },
    tier: fused ? 'fused' : missing.length > 0 ? 'base' : 'fenced',
    missing: fused ? [] : missing,
    delivery: 'at-least-once',
    fenced: fused || missing.length === 0,
    transactions: hasMethod(storage, 'within'),
    wakes: fused || hasMethod(broker, 'subscribe') ? 'subscribed' : 'polled',
    limits: fused || hasMethod(broker, 'claimLeases') ? 'claim' : 'locks',
    clock: storage.traits?.clock ?? (hasMethod(storage, 'now') ? 'server' : 'process'),
    leaderTerms: hasMethod(lock, 'acquireLease'),
    durability: storage.traits?.durability,
  }
  return { ...facts, text: textOf(facts) }
}

/** Bundlers put `_` before the name of a class that speaks of itself. */
function nameOf(adapter: object): string {
  const name = adapter.constructor?.name.replace(/^_+/, '') ?? ''
  return name === '' || name === 'Object' ? 'an object' : name
}

const SURVIVES: Readonly<Record<Traits['durability'], string>> = {
  process: 'nothing: it ends with this process',
  server: 'a restart of the server, as far as that is set to keep what it acknowledges',
  replicated: 'the loss of one server',
}

function textOf(facts: Omit<JobStoreDescription, 'text'>): string {
  const { storage, broker, lock } = facts.adapters
  return [
    `${facts.store} job store over storage ${storage}, broker ${broker}, lock ${lock}`,
    `why: ${facts.reason}`,
    facts.fenced
      ? 'runs: at least once; the result of a worker that lost its lease is refused'
      : `runs: at least once, without fencing, for want of ${facts.missing.join(', ')}: a worker taken for dead may overwrite a later result`,
    facts.store === 'fused'
      ? 'cost: a batch is enqueued, or settled and claimed, in one round trip, or a few'
      : 'cost: several round trips a batch; what the broker loses is rebuilt from the storage',
    `transactions: ${facts.transactions ? 'enqueue(…, { tx }) joins the caller’s' : 'none; the storage has no within()'}`,
    `new work: ${facts.wakes === 'subscribed' ? 'the broker wakes workers that wait' : 'found by polling, every jobProcessingInterval'}`,
    `concurrency limits: ${facts.limits === 'claim' ? 'held inside each claim' : 'held by one lock a running job'}`,
    `clock: ${facts.clock === 'server' ? 'the storage server’s' : 'this process’s'}`,
    `leadership: ${facts.leaderTerms ? 'in terms that only grow' : 'without terms'}`,
    `an acknowledged enqueue survives: ${facts.durability === undefined ? 'the storage does not say' : SURVIVES[facts.durability]}`,
  ].join('\n')
}
