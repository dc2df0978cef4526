/** Many small rounds under faults, each from a seed of its own. */
import { type Case, type Context, type Node, suite } from '../../case.ts'
import { ConformanceError } from '../../check.ts'
import { isMixOfOne } from '../../hybrid-target.ts'
import { Random } from '../../random.ts'
import { Round } from './round.ts'
import { World } from './world.ts'

const ROUNDS = 100
/** Over one system, which is not what the protocol is for. */
const ROUNDS_OF_ONE = 20
const STEPS = 18
/** Each of these is several calls. */
const STEPS_AT_ONCE = 6
/** Rounds at a time where they wait for real time; each lane has a namespace of its own. */
const LANES = 12

export const hybridRoundCases: readonly Case[] = suite(
  'hybrid',
  ['storage', 'broker', 'lock', 'storage.compareAndSet'],
  {
    rounds: {
      rule: 'Through a hundred random rounds (twenty where both are one system) of cut lines, killed processes and wiped brokers nothing accepted is lost, and no job runs more often than what failed and died allows.',
      why: 'What may die when is more than a table can hold: the combinations are where protocols break.',
      mistake:
        'two rules meet that each hold alone; the message names the round, and the other cases which step',
      timeoutMs: 240_000,
      alone: true,
      run: (context) => rounds(context, false),
    },
    'rounds-at-once': {
      rule: 'The same holds when the calls of several processes are under way at once and overtake each other.',
      why: 'One call after the other hides what happens between a read and the write that rests on it.',
      mistake: 'a step that ought to be one is a read and a write',
      timeoutMs: 240_000,
      alone: true,
      run: (context) => rounds(context, true),
    },
  },
)

/** Rounds that follow each other on one server each. */
interface Lane {
  readonly node: Node
  readonly namespace: string
}

/** Where time can be moved, one after the other; else many at a time, since most of each is waiting. */
async function rounds(context: Context, together: boolean): Promise<void> {
  context.quiet()
  const count = isMixOfOne(context.target) ? ROUNDS_OF_ONE : ROUNDS
  const seeds = Array.from({ length: count }, () => context.random.int(0, 2 ** 31))
  let next = 0
  const work = async (lane: Lane): Promise<void> => {
    while (next < seeds.length) {
      const at = next++
      await round(context, lane, { seed: seeds[at]!, at, together })
    }
  }
  await Promise.all((await lanesOf(context)).map(work))
}

async function lanesOf(context: Context): Promise<Lane[]> {
  const { node, namespace } = context
  if (context.has('hook.advance')) return [{ node, namespace }]
  const names = Array.from({ length: LANES }, (_, at) => `${namespace} lane ${at}`)
  return Promise.all(
    names.map(async (name) => ({ node: await context.openElsewhere(name), namespace: name })),
  )
}

async function round(
  context: Context,
  lane: Lane,
  { seed, at, together }: { readonly seed: number; readonly at: number; readonly together: boolean },
): Promise<void> {
  const world = new World(context, { ...lane, scope: `testkit:round:${at}` })
  try {
    await new Round({
      world,
      random: new Random(seed),
      steps: together ? STEPS_AT_ONCE : STEPS,
      together,
      name: `r${at}`,
      wipeBroker: context.has('hook.wipeBroker') ? () => world.wipeBroker() : undefined,
      open: () => world.process(),
    }).run()
  } catch (error) {
    if (!(error instanceof ConformanceError)) throw error
    throw new ConformanceError(`round ${at}: ${error.what}`, error.wanted, error.seen)
  }
}
