import { type Case, type Context, LONG, suite } from '../../case.ts'
import { checkLinearizable, type Operation, type SequentialModel } from '../../checkers/linearizability.ts'
import { show } from '../../show.ts'

const CLIENTS = 6
const ROUNDS = 40

/** Clients that each do one thing after the other, all at once; what each did, with its times. */
async function record<Input, Output>(
  context: Context,
  draw: (client: number, round: number) => Input,
  perform: (client: number, input: Input) => Promise<Output>,
): Promise<Operation<Input, Output>[]> {
  const { random } = context
  const operations: Operation<Input, Output>[] = []
  const client = async (n: number): Promise<void> => {
    for (let round = 0; round < ROUNDS; round++) {
      const input = draw(n, round)
      for (let turns = random.int(0, 3); turns > 0; turns--) await null
      const called = performance.now()
      const output = await perform(n, input)
      operations.push({ client: `c${n}`, input, output, called, answered: performance.now() })
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, (_, n) => client(n)))
  return operations
}

function judge<State, Input, Output>(
  context: Context,
  operations: readonly Operation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
): void {
  const verdict = checkLinearizable(operations, model)
  if (verdict.result === 'inconclusive') context.inconclusive(verdict.reason)
  if (verdict.result !== 'not-linearizable') return
  const line = ({ client, input, output }: Operation<Input, Output>): string =>
    `${client} ${show(input)} → ${show(output)}`
  const last = verdict.explained.slice(-4).map(line).join('; ')
  context.check.fail(
    'one order of the overlapping calls that explains every answer',
    'there to be one',
    `none: ${verdict.explained.length} of ${operations.length} calls have one (last ${last}), then none of these fits: ${verdict.stuck.map(line).join('; ')}`,
    verdict.stuck.map((one) => one.input),
  )
}

type LockInput = { readonly op: 'acquire' | 'renew' | 'release' | 'isOwner'; readonly owner: string }

const LOCK_MODEL: SequentialModel<string | null, LockInput, boolean> = {
  initial: null,
  apply(holder, { op, owner }) {
    const mine = holder === owner
    switch (op) {
      case 'acquire':
        return holder === null || mine ? { state: owner, output: true } : { state: holder, output: false }
      case 'release':
        return { state: mine ? null : holder, output: true }
      default:
        return { state: holder, output: mine }
    }
  },
  key: (holder) => holder ?? '',
  equal: (seen, expected) => seen === expected,
}

type CasInput =
  | { readonly op: 'get' }
  | { readonly op: 'delete' }
  | { readonly op: 'cas'; readonly expected: number | null; readonly rev: number; readonly by: string }
interface CasState {
  readonly rev: number
  readonly by: string
}

const CAS_MODEL: SequentialModel<CasState | null, CasInput, unknown> = {
  initial: null,
  apply(state, input) {
    if (input.op === 'get') return { state, output: state }
    if (input.op === 'delete') return { state: null, output: null }
    if ((state?.rev ?? null) !== input.expected) return { state, output: false }
    return { state: { rev: input.rev, by: input.by }, output: true }
  },
  key: (state) => (state ? `${state.rev} ${state.by}` : ''),
  equal: (seen, expected) => JSON.stringify(seen) === JSON.stringify(expected),
}

export const linearizableCases: readonly Case[] = [
  ...suite('lin', ['lock'], {
    lock: {
      rule: 'There is one order of all overlapping lock calls, over all nodes, that explains every answer.',
      why: 'Each step is atomic on the server; if it is not, two owners both believe they hold the lock.',
      mistake: 'a call is made of two steps, or answers from what the node remembers',
      async run(context) {
        const { lock, open, random } = context
        const nodes = [lock, (await open()).lock, (await open()).lock]
        const operations = await record<LockInput, boolean>(
          context,
          (client) => ({
            op: random.pick(['acquire', 'acquire', 'release', 'release', 'renew', 'isOwner'] as const),
            owner: `o${client}`,
          }),
          async (client, { op, owner }) => {
            const node = nodes[client % nodes.length]!
            if (op === 'release') {
              await node.release('leader', owner)
              return true
            }
            return op === 'isOwner' ? node.isOwner('leader', owner) : node[op]('leader', owner, LONG)
          },
        )
        judge(context, operations, LOCK_MODEL)
      },
    },
  }),
  ...suite('lin', ['storage', 'storage.compareAndSet'], {
    cas: {
      rule: 'There is one order of all overlapping gets, compare-and-sets and deletes of a record, over all nodes, that explains every answer.',
      why: 'It is the fence of every job: reads see every acknowledged write, and of two writers that expect the same only one wins.',
      mistake: 'get-then-save, a cache on the node, or reads from a replica',
      async run(context) {
        const { storage, open, random } = context
        const nodes = [storage, (await open()).storage, (await open()).storage]
        const known: (number | null)[] = Array.from({ length: CLIENTS }, () => null)
        let next = 1
        const operations = await record<CasInput, unknown>(
          context,
          (client, round) => {
            const op = random.pick(['get', 'cas', 'cas', 'cas', 'delete'] as const)
            if (op === 'delete' ? round % 4 !== 0 : op === 'get') return { op: 'get' }
            if (op === 'delete') return { op }
            return { op: 'cas', expected: known[client]!, rev: next++, by: `c${client}` }
          },
          async (client, input) => {
            const node = nodes[client % nodes.length]!
            if (input.op === 'get') {
              const seen = await node.get<CasState>('jobs', 'a')
              known[client] = seen?.rev ?? null
              return seen && { rev: seen.rev, by: seen.by }
            }
            if (input.op === 'delete') {
              await node.delete('jobs', 'a')
              return null
            }
            const { expected, rev, by } = input
            const won = await node.compareAndSet!('jobs', 'a', expected, { rev, by })
            if (won) known[client] = rev
            return won
          },
        )
        judge(context, operations, CAS_MODEL)
      },
    },
  }),
]
