import type { Events, Job } from '../telemetry/events.ts'

export interface SchedulerHooks {
  onJobStarted?(job: Job): unknown
  /** The store has it. */
  onJobCompleted?(job: Job): unknown
  /** Called for every failed attempt, also when a retry follows. */
  onJobFailed?(job: Job, error: Error): unknown
  onLeadershipAcquired?(): unknown
  onLeadershipLost?(): unknown
}

export const HOOKS: readonly (keyof SchedulerHooks)[] = [
  'onJobStarted',
  'onJobCompleted',
  'onJobFailed',
  'onLeadershipAcquired',
  'onLeadershipLost',
]

/** What a hook does wrong is logged and hurts no job. */
export function listenHooks(events: Events, hooks: SchedulerHooks): void {
  if (hooks.onJobStarted) events.on('started', ({ job }) => hooks.onJobStarted!(job))
  if (hooks.onJobCompleted) events.on('completed', ({ job }) => hooks.onJobCompleted!(job))
  if (hooks.onJobFailed) events.on('failed', ({ job, error }) => hooks.onJobFailed!(job, error))
  if (hooks.onLeadershipAcquired) events.on('leadershipAcquired', () => hooks.onLeadershipAcquired!())
  if (hooks.onLeadershipLost) events.on('leadershipLost', () => hooks.onLeadershipLost!())
}
