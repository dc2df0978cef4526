/** Every SQL file by the operation it is. */
import type { Statement } from './database.ts'
import ack from './sql/broker/ack.sql'
import claim from './sql/broker/claim.sql'
import extend from './sql/broker/extend.sql'
import has from './sql/broker/has.sql'
import incarnation from './sql/broker/incarnation.sql'
import isPaused from './sql/broker/is-paused.sql'
import nack from './sql/broker/nack.sql'
import nextDue from './sql/broker/next-due.sql'
import pause from './sql/broker/pause.sql'
import publish from './sql/broker/publish.sql'
import remove from './sql/broker/remove.sql'
import size from './sql/broker/size.sql'
import change from './sql/jobs/change.sql'
import claimType from './sql/jobs/claim.sql'
import counts from './sql/jobs/counts.sql'
import heartbeat from './sql/jobs/heartbeat.sql'
import insert from './sql/jobs/insert.sql'
import insertOne from './sql/jobs/insert-one.sql'
import pauseJobs from './sql/jobs/pause.sql'
import rehearseClaim from './sql/jobs/rehearse-claim.sql'
import rehearseInsert from './sql/jobs/rehearse-insert.sql'
import settle from './sql/jobs/settle.sql'
import sweep from './sql/jobs/sweep.sql'
import view from './sql/jobs/view.sql'
import workers from './sql/jobs/workers.sql'
import acquire from './sql/lock/acquire.sql'
import isOwner from './sql/lock/is-owner.sql'
import release from './sql/lock/release.sql'
import renew from './sql/lock/renew.sql'
import compareAndSet from './sql/storage/compare-and-set.sql'
import deleteRecords from './sql/storage/delete.sql'
import get from './sql/storage/get.sql'
import insertRecord from './sql/storage/insert.sql'
import now from './sql/storage/now.sql'
import patch from './sql/storage/patch.sql'
import patchOne from './sql/storage/patch-one.sql'
import prune from './sql/storage/prune.sql'
import save from './sql/storage/save.sql'

/** Without the file's comments: they name parameters, which builders that count them (knex, drizzle) would take for more. */
function statement(name: string, sql: string, repeatable = false): Statement {
  return { name, sql: sql.replace(/^--.*\n/gm, '').trimEnd(), repeatable }
}

export const LOCK: Readonly<Record<'acquire' | 'renew' | 'release' | 'isOwner', Statement>> = {
  acquire: statement('lock acquire', acquire, true),
  renew: statement('lock renew', renew, true),
  release: statement('lock release', release, true),
  isOwner: statement('lock isOwner', isOwner, true),
}

export const STORAGE: Readonly<
  Record<
    'save' | 'get' | 'delete' | 'insert' | 'compareAndSet' | 'patch' | 'patchOne' | 'prune' | 'now',
    Statement
  >
> = {
  save: statement('storage save', save),
  get: statement('storage get', get, true),
  delete: statement('storage delete', deleteRecords),
  insert: statement('storage insert', insertRecord),
  compareAndSet: statement('storage compareAndSet', compareAndSet),
  patch: statement('storage patch', patch),
  patchOne: statement('storage patch one', patchOne),
  prune: statement('storage prune', prune),
  now: statement('storage now', now, true),
}

export const BROKER: Readonly<
  Record<
    | 'publish'
    | 'claim'
    | 'ack'
    | 'nack'
    | 'extend'
    | 'remove'
    | 'has'
    | 'size'
    | 'nextDue'
    | 'pause'
    | 'isPaused'
    | 'incarnation',
    Statement
  >
> = {
  publish: statement('broker publish', publish, true),
  claim: statement('broker claim', claim),
  ack: statement('broker ack', ack),
  nack: statement('broker nack', nack),
  extend: statement('broker extend', extend, true),
  remove: statement('broker remove', remove),
  has: statement('broker has', has, true),
  size: statement('broker size', size, true),
  nextDue: statement('broker nextDueIn', nextDue, true),
  pause: statement('broker pause', pause, true),
  isPaused: statement('broker isPaused', isPaused, true),
  incarnation: statement('broker incarnation', incarnation, true),
}

export const JOBS: Readonly<
  Record<
    | 'insert'
    | 'insertAndNotify'
    | 'insertOne'
    | 'claim'
    | 'settle'
    | 'heartbeat'
    | 'sweep'
    | 'change'
    | 'get'
    | 'counts'
    | 'pause'
    | 'workers'
    | 'notify',
    Statement
  >
> = {
  insert: statement('jobs insert', insert),
  // a row of its own, which is no id; as text, because Prisma refuses a column of type void
  insertAndNotify: statement('jobs insert and notify', `${insert}union all select pg_notify($13, $14)::text`),
  insertOne: statement('jobs insert one', insertOne),
  claim: statement('jobs claim', claimType),
  settle: statement('jobs settle', settle),
  heartbeat: statement('jobs heartbeat', heartbeat, true),
  sweep: statement('jobs sweep', sweep, true),
  change: statement('jobs change', change),
  get: statement('jobs get', `${view} and j.id = any ($3::uuid[])`, true),
  counts: statement('jobs counts', counts, true),
  pause: statement('jobs pause', pauseJobs, true),
  workers: statement('jobs workers', workers, true),
  notify: statement('notify', 'select pg_notify($1, $2)', true),
}

/** What connections do once before it matters: see rehearsals.ts. */
export const REHEARSALS: Readonly<Record<'insert' | 'claim', string>> = {
  insert: rehearseInsert,
  claim: rehearseClaim,
}
