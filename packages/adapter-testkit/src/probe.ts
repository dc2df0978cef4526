/** One look at what the target opens, before the cases: what is there, and whether it opens at all. */
import { BROKER_OPTIONAL, LOCK_OPTIONAL, STORAGE_OPTIONAL, type Traits } from '@sched/core/adapter'
import { type Adapters, missingMethods } from './capabilities.ts'
import { hostileNamespace } from './context.ts'
import { Random } from './random.ts'
import { type Target, TargetError } from './target.ts'
import { fusedStore } from './variants.ts'

export interface PartAbilities {
  /** The optional methods that are there. */
  readonly methods: readonly string[]
  readonly traits: Partial<Traits>
}

/** What the target opens. A part that is not there is left out. */
export interface Abilities {
  readonly storage?: PartAbilities
  readonly broker?: PartAbilities
  readonly lock?: PartAbilities
  /** Whether there is a fused job store. */
  readonly fused: boolean
}

/** Opens one node, looks at it, and closes it. Throws {@link TargetError} with what was wrong. */
export async function probe(target: Target): Promise<Abilities> {
  const namespace = hostileNamespace('probe', new Random(Math.floor(Math.random() * 2 ** 31)))
  const opened = await step('open()', async () => target.open(namespace))
  if (typeof opened !== 'object' || opened === null)
    throw new TargetError(`open() must give { storage?, broker?, lock?, close }, not ${String(opened)}`)
  if (typeof opened.close !== 'function')
    throw new TargetError('what open() gives must have a function close()')
  const lacking = missingMethods(opened)
  if (lacking.length > 0)
    throw new TargetError(`what open() gives lacks required methods: ${lacking.join(', ')}`)
  if (!opened.storage && !opened.broker && !opened.lock)
    throw new TargetError('open() gives neither storage nor broker nor lock: there is nothing to test')
  for (const part of ['storage', 'broker', 'lock'] as const)
    await step(`ready() of the ${part}`, async () => opened[part]?.ready?.())
  const abilities = abilitiesOf(opened)
  await step('close()', async () => opened.close())
  await step('destroy()', async () => target.destroy(namespace))
  return abilities
}

function abilitiesOf(adapters: Adapters): Abilities {
  const look = (part: object | undefined, optional: readonly string[]): PartAbilities | undefined =>
    part && {
      methods: optional.filter((name) => typeof (part as Record<string, unknown>)[name] === 'function'),
      traits: (part as { traits?: Partial<Traits> }).traits ?? {},
    }
  const storage = look(adapters.storage, STORAGE_OPTIONAL)
  const broker = look(adapters.broker, BROKER_OPTIONAL)
  const lock = look(adapters.lock, LOCK_OPTIONAL)
  return {
    ...(storage && { storage }),
    ...(broker && { broker }),
    ...(lock && { lock }),
    fused: fusedStore(adapters) !== undefined,
  }
}

async function step<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    if (cause instanceof TargetError) throw cause
    throw new TargetError(
      `${what} failed: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`,
      { cause },
    )
  }
}
