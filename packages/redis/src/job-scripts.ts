import { DEFAULT_MAX_CRASHES, DEFAULT_RETENTION, type FinalState, REMEMBER_MS } from '@sched/core/adapter'
import { JOB_KEYS, keysInLua, WAKE_KEYS } from './keys.ts'
import clockText from './lua/clock.lua'
import changeText from './lua/jobs/change.lua'
import claimText from './lua/jobs/claim.lua'
import countsText from './lua/jobs/counts.lua'
import endingText from './lua/jobs/ending.lua'
import finishedText from './lua/jobs/finished.lua'
import ghostsText from './lua/jobs/ghosts.lua'
import heartbeatText from './lua/jobs/heartbeat.lua'
import heldIdsText from './lua/jobs/held-ids.lua'
import insertText from './lua/jobs/insert.lua'
import layoutText from './lua/jobs/layout.lua'
import listenText from './lua/jobs/listen.lua'
import movingText from './lua/jobs/moving.lua'
import pauseText from './lua/jobs/pause.lua'
import readText from './lua/jobs/read.lua'
import rememberedText from './lua/jobs/remembered.lua'
import runningText from './lua/jobs/running.lua'
import settleText from './lua/jobs/settle.lua'
import sweepText from './lua/jobs/sweep.lua'
import workersText from './lua/jobs/workers.lua'
import wakeText from './lua/wake.lua'
import { lazily, REPEATABLE, type Script, script } from './scripts.ts'

const MOVING = lazily('moving', movingText)
const REMEMBERED = lazily('remembered', rememberedText)
const ENDING = lazily('ending', endingText)
const RUNNING = lazily('running', runningText)
const GHOSTS = lazily('ghosts', ghostsText)

export type JobScript =
  | 'insert'
  | 'settle'
  | 'heartbeat'
  | 'sweep'
  | 'change'
  | 'read'
  | 'pause'
  | 'counts'
  | 'workers'
  | 'listen'
  | 'finished'
  | 'heldIds'

export const STATE_LETTERS: Readonly<Record<FinalState, string>> = {
  completed: 'c',
  failed: 'f',
  cancelled: 'x',
}

export const JOB_SCRIPTS: Readonly<Record<JobScript, Script>> = {
  insert: jobScript('insert', [layoutText, REMEMBERED, insertText]),
  settle: jobScript('settle', [layoutText, MOVING, REMEMBERED, ENDING, RUNNING, claimText, settleText]),
  heartbeat: jobScript(
    'heartbeat',
    [layoutText, MOVING, REMEMBERED, ENDING, RUNNING, heartbeatText],
    REPEATABLE,
  ),
  sweep: jobScript('sweep', [layoutText, MOVING, REMEMBERED, ENDING, RUNNING, GHOSTS, sweepText], REPEATABLE),
  change: jobScript('change', [layoutText, MOVING, REMEMBERED, ENDING, changeText]),
  read: jobScript('get', [readText], REPEATABLE),
  pause: jobScript('pause', [pauseText]),
  counts: jobScript('counts', [countsText], REPEATABLE),
  workers: jobScript('workers', [workersText], REPEATABLE),
  listen: jobScript('subscribe', [listenText], REPEATABLE),
  finished: jobScript('list', [finishedText], REPEATABLE),
  heldIds: jobScript('list', [heldIdsText], REPEATABLE),
}

function jobScript(name: string, parts: readonly string[], options = {}): Script {
  const text = parts.join('\n')
  return script(
    `jobs ${name}`,
    [
      keysInLua(text + wakeText, { ...JOB_KEYS, ...WAKE_KEYS }),
      ...(text.includes('D_') ? [defaultsInLua()] : []),
      clockText,
      wakeText,
      text,
    ],
    options,
  )
}

/** What a job that says nothing takes, from the contract. */
function defaultsInLua(): string {
  const keeps = (['completed', 'cancelled', 'failed'] as const).flatMap((state) => {
    const { ageMs, count } = DEFAULT_RETENTION[state]
    const letter = STATE_LETTERS[state].toUpperCase()
    return [`local D_AGE_${letter} = ${ageMs ?? 'nil'}`, `local D_COUNT_${letter} = ${count ?? 'nil'}`]
  })
  return [
    `local D_REMEMBER = ${REMEMBER_MS.made}`,
    `local D_CRASHES = ${DEFAULT_MAX_CRASHES}`,
    ...keeps,
  ].join('\n')
}
