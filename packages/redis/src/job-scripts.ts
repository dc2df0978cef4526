import { DEFAULT_MAX_CRASHES, DEFAULT_RETENTION, type FinalState, REMEMBER_MS } from '@sched/core/adapter'
import { JOB_KEYS, keysInLua, WAKE_KEYS, withKeysInPlace } from './keys.ts'
import clockText from './lua/clock.lua'
import changeText from './lua/jobs/change.lua'
import claimText from './lua/jobs/claim.lua'
import countsText from './lua/jobs/counts.lua'
import doubtsText from './lua/jobs/doubts.lua'
import endingText from './lua/jobs/ending.lua'
import finishedText from './lua/jobs/finished.lua'
import ghostsText from './lua/jobs/ghosts.lua'
import heartbeatText from './lua/jobs/heartbeat.lua'
import heldIdsText from './lua/jobs/held-ids.lua'
import insertText from './lua/jobs/insert.lua'
import insertOneText from './lua/jobs/insert-one.lua'
import insertPlainText from './lua/jobs/insert-plain.lua'
import layoutText from './lua/jobs/layout.lua'
import listenText from './lua/jobs/listen.lua'
import listsText from './lua/jobs/lists.lua'
import movingText from './lua/jobs/moving.lua'
import nowText from './lua/jobs/now.lua'
import offerText from './lua/jobs/offer.lua'
import pauseText from './lua/jobs/pause.lua'
import readText from './lua/jobs/read.lua'
import rememberedText from './lua/jobs/remembered.lua'
import runningText from './lua/jobs/running.lua'
import settleText from './lua/jobs/settle.lua'
import sweepText from './lua/jobs/sweep.lua'
import tellText from './lua/jobs/tell.lua'
import waitingText from './lua/jobs/waiting.lua'
import workersText from './lua/jobs/workers.lua'
import wakeText from './lua/wake.lua'
import { lazily, REPEATABLE, type Script, script } from './scripts.ts'

const LAYOUT = [tellText, offerText, layoutText].join('\n')
const MOVING = lazily('moving', movingText)
const REMEMBERED = lazily('remembered', rememberedText)
const ENDING = lazily('ending', endingText)
const RUNNING = lazily('running', runningText)
const GHOSTS = lazily('ghosts', ghostsText)
const WAITING = lazily('waiting', waitingText)

export type JobScript =
  | 'insert'
  | 'insertOne'
  | 'insertPlain'
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
  insert: jobScript('insert', [LAYOUT, REMEMBERED, insertText]),
  insertOne: shortScript('insert', insertOneText, { handsOver: true }),
  insertPlain: shortScript('insert', insertPlainText),
  settle: jobScript('settle', [LAYOUT, MOVING, REMEMBERED, ENDING, RUNNING, WAITING, claimText, settleText]),
  heartbeat: jobScript(
    'heartbeat',
    [LAYOUT, MOVING, REMEMBERED, ENDING, RUNNING, WAITING, heartbeatText],
    REPEATABLE,
  ),
  sweep: jobScript(
    'sweep',
    [LAYOUT, MOVING, REMEMBERED, ENDING, RUNNING, listsText, GHOSTS, WAITING, sweepText],
    REPEATABLE,
  ),
  change: jobScript('change', [LAYOUT, MOVING, REMEMBERED, ENDING, changeText], REPEATABLE),
  read: jobScript('get', [readText], REPEATABLE),
  pause: jobScript('pause', [LAYOUT, pauseText]),
  counts: jobScript('counts', [listsText, countsText], REPEATABLE),
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
      ...(text.includes('now_us') ? [nowText] : []),
      text,
    ],
    options,
  )
}

/** Its parts are made inside the branches that need them. */
function shortScript(name: string, text: string, options = {}): Script {
  const parts = {
    doubts: [rememberedText, doubtsText].join('\n'),
    due: [wakeText, LAYOUT].join('\n'),
    offer: offerText,
    tell: [wakeText, tellText].join('\n'),
  }
  let whole = text
  for (const [mark, part] of Object.entries(parts)) whole = whole.replace(`-- @${mark}\n`, () => part)
  const body = withKeysInPlace(whole.replace(/^\s*--.*\n/gm, ''), { ...JOB_KEYS, ...WAKE_KEYS })
  return script(`jobs ${name}`, [clockText, nowText, body], options)
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
