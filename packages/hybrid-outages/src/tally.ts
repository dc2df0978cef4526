import { HELD, WORK } from './cluster.ts'
import type { FinalState } from './final-states.ts'
import type { Run } from './run-log.ts'

/** What an outage left behind. */
export interface Evidence {
  /** Ids of the jobs whose enqueue resolved, by type. */
  readonly accepted: Readonly<Record<typeof WORK | typeof HELD, readonly string[]>>
  readonly runs: readonly Run[]
  readonly finals: readonly FinalState[]
  /** When the held type was resumed, epoch milliseconds. */
  readonly resumedAt: number
}

export interface Tally {
  readonly accepted: number
  /** Accepted jobs that never ran or did not end as completed, dead letters apart. */
  readonly lost: number
  /** Jobs that failed because three workers that had them died. */
  readonly deadLetters: number
  /** Runs beyond the first of a job, begun before its final state was stored. */
  readonly repeats: number
  /** Runs of a job whose final state was stored, and runs under a claim that ran already. */
  readonly forbidden: number
  /** Jobs with more than one final state. */
  readonly endedTwice: number
  /** Runs of held jobs before they were resumed. */
  readonly ranPaused: number
  /** Runs of jobs that nobody enqueued. */
  readonly invented: number
  /** A few examples of what must not be. */
  readonly examples: readonly string[]
}

const EXAMPLES = 10
/** Both clocks are the machine's; they show milliseconds. */
const ROUNDING_MS = 1

/** Holds the runs against the final states. */
export function tallyOf({ accepted, runs, finals, resumedAt }: Evidence): Tally {
  const examples: string[] = []
  const blame = (what: string, culprits: readonly string[]): number => {
    examples.push(...culprits.slice(0, EXAMPLES - examples.length).map((culprit) => `${what}: ${culprit}`))
    return culprits.length
  }
  const all = new Set([...accepted[WORK], ...accepted[HELD]])
  const held = new Set(accepted[HELD])
  const runsOf = groupById(runs)
  const finalsOf = groupById(finals)
  const ended = (id: string, so: (final: FinalState) => boolean): boolean =>
    finalsOf.get(id)?.some(so) ?? false
  const completed = (id: string): boolean => ended(id, ({ state }) => state === 'completed')
  const crashed = (id: string): boolean => ended(id, ({ reason }) => reason === 'crashed')

  const lost = [...all].filter((id) => !(runsOf.has(id) && completed(id)) && !crashed(id))
  const late = runs.filter((run) => isAfterEnd(run, finalsOf.get(run.id) ?? []))
  const underOneClaim = [...runsOf.values()].flatMap((own) =>
    own.filter((run, index) => own.findIndex(({ fence }) => fence === run.fence) < index),
  )
  const forbidden = new Set([...late, ...underOneClaim])
  const again = [...runsOf.values()].flatMap(([, ...others]) => others)
  return {
    accepted: all.size,
    lost: blame('lost', lost),
    deadLetters: [...all].filter(crashed).length,
    repeats: again.filter((run) => !forbidden.has(run)).length,
    forbidden: blame(
      'run after the end',
      [...forbidden].map(({ id }) => id),
    ),
    endedTwice: blame('ended twice', idsOf([...finalsOf].filter(([, own]) => own.length > 1))),
    ranPaused: blame(
      'ran while paused',
      runs.filter(({ id, at }) => held.has(id) && at < resumedAt).map(({ id }) => id),
    ),
    invented: blame(
      'never enqueued',
      runs.filter(({ id }) => !all.has(id)).map(({ id }) => id),
    ),
    examples,
  }
}

/** Whether anything happened that must not. */
export function hasFaults({ lost, forbidden, endedTwice, ranPaused, invented }: Tally): boolean {
  return lost + forbidden + endedTwice + ranPaused + invented > 0
}

/** Claimed after the claim that ended the job, or begun after the end was stored. */
function isAfterEnd(run: Run, finals: readonly FinalState[]): boolean {
  return finals.some(({ fence, at }) => run.fence > fence || run.at > at + ROUNDING_MS)
}

function groupById<T extends { readonly id: string }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(item.id)
    if (group) group.push(item)
    else groups.set(item.id, [item])
  }
  return groups
}

function idsOf(entries: readonly (readonly [string, unknown])[]): string[] {
  return entries.map(([id]) => id)
}
