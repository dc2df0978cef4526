/**
 * Patches as the server's own conditions and stages. Items that name the same fields in the same parts are one update of many records: what
 * they have in common stands in it once, what differs is looked up by the record's id. It costs the server a fifth of an update each.
 */
import { checkPatch, copyValue, type PatchItem } from '@sched/core/adapter'
import type { Document } from 'mongodb'
import type { RecordId } from './commands/record-document.ts'
import { grouped } from './grouped.ts'
import { type StoredField, storedField } from './record-codec.ts'
import { inPieces, lengthOf, ownOf } from './storage-own-values.ts'
import { equal, pathOf } from './storage-query.ts'

export interface Patch {
  readonly id: RecordId
  /** Of its answer. */
  readonly place: number
  readonly item: PatchItem
}

/** One update of many records. */
export interface AlikePatches {
  readonly ids: readonly RecordId[]
  /** They have an integer `rev`, and are as the patch wants them. */
  readonly condition: Document
  /** What the patch makes of them. Without what marks the call. */
  readonly stages: readonly Document[]
}

const NEXT_REV: Document = { $add: ['$r', 1] }
/** Greater than those that a failover undid, too. */
const FRESH_REV: Document = { $max: [NEXT_REV, { $multiply: [{ $toDouble: '$$NOW' }, 1000] }] }

/** Throws INVALID_ARGUMENT, VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE. */
export function alikePatches(patches: readonly Patch[], maxBytes: number, freshRev: boolean): AlikePatches[] {
  const rev = freshRev ? FRESH_REV : NEXT_REV
  return [...grouped(patches, shapes()).values()].flatMap((alike) => {
    const ownSet = ownFields(alike.map(({ item }) => item.set))
    const changes = alike.map(
      (patch): Change => ({ ...patch, own: stored(pick(patch.item.set, ownSet), maxBytes) }),
    )
    return [...inPieces(changes, lengthOfChange)].map((piece) => ({
      ids: piece.map(({ id }) => id),
      condition: conditionOf(piece),
      stages: stagesOf(piece, ownSet, rev, maxBytes),
    }))
  })
}

/** The same text for items that name the same fields in the same parts. Most are like the one before. */
function shapes(): (patch: Patch) => string {
  let before: PatchItem | undefined
  let shape = ''
  return ({ item }) => {
    checkPatch(item)
    if (before === undefined || !isLike(item, before)) shape = shapeOf(item)
    before = item
    return shape
  }
}

function isLike(a: PatchItem, b: PatchItem): boolean {
  return (
    a.count === b.count &&
    a.revTo === b.revTo &&
    haveSameNames(a.where, b.where) &&
    haveSameNames(a.set, b.set)
  )
}

function haveSameNames(a: Fields, b: Fields): boolean {
  let more = 0
  for (const name in a) {
    if (!Object.hasOwn(b, name) || (a[name] === undefined) !== (b[name] === undefined)) return false
    more++
  }
  for (const _ in b) more--
  return more === 0
}

function shapeOf({ where, set, count, revTo }: PatchItem): string {
  return JSON.stringify([namesOf(where), namesOf(set), count, revTo])
}

function namesOf(fields: Fields): string[] {
  return Object.keys(fields).map((field) => (fields[field] === undefined ? `!${field}` : `=${field}`))
}

type Fields = Readonly<Record<string, unknown>>

interface Change extends Patch {
  /** What it sets and others of its update do not. */
  readonly own: Readonly<Record<string, StoredField>>
}

function lengthOfChange({ id, item, own }: Change): number {
  return id.i.length + lengthOf(item.where) + lengthOf(own)
}

function conditionOf(changes: readonly Change[]): Document {
  const ids = changes.map(({ id }) => id)
  const wheres: Fields[] = changes.map(({ item }) => item.where)
  const own = ownFields(wheres)
  const conditions = Object.entries(wheres[0] as Fields)
    .filter(([field]) => !own.includes(field))
    .map(([field, value]) =>
      value === undefined ? { [pathOf(field)]: { $exists: false } } : equal(pathOf(field), value),
    )
  const expressions = own.map((field) => {
    const wanted = wheres.map((where) => where[field])
    return { $eq: [`$${pathOf(field)}`, ownOf(ids, wanted)] }
  })
  // `r` is 0 where there is none
  const $expr = { $and: [{ $eq: ['$f.rev', '$r'] }, ...expressions] }
  return { $expr, ...(conditions.length > 0 && { $and: conditions }) }
}

function stagesOf(
  changes: readonly Change[],
  own: readonly string[],
  rev: Document,
  maxBytes: number,
): Document[] {
  const ids = changes.map(({ id }) => id)
  const { set, count, revTo } = (changes[0] as Change).item
  const fields: Document = { r: rev, 'f.rev': rev }
  for (const [field, value] of Object.entries(stored(omit(set, own), maxBytes)))
    fields[pathOf(field)] = { $literal: value }
  for (const field of own) {
    const values = changes.map((change) => change.own[field])
    fields[pathOf(field)] = ownOf(ids, values)
  }
  if (count !== undefined) {
    const old = `$${pathOf(count)}`
    fields[pathOf(count)] = { $add: [{ $cond: [{ $isNumber: old }, old, 0] }, 1] }
  }
  if (revTo !== undefined) fields[pathOf(revTo)] = rev
  const dropped = Object.keys(set).filter((field) => set[field] === undefined)
  const stages: Document[] = [{ $set: fields }]
  if (dropped.length > 0) stages.push({ $unset: dropped.map(pathOf) })
  if (Object.hasOwn(set, 'finishedAt') || Object.hasOwn(set, 'createdAt')) stages.push(PRUNE_INSTANT)
  return stages
}

/** Those whose values are not all the same. */
function ownFields(all: readonly Fields[]): string[] {
  const first = all[0] as Fields
  return Object.keys(first).filter((field) => all.some((fields) => fields[field] !== first[field]))
}

/** Those that are not undefined, as the codec and the server see them. */
function stored(set: Fields, maxBytes: number): Record<string, StoredField> {
  const copy = copyValue(set, { root: 'set', maxBytes })
  return Object.fromEntries(Object.entries(copy).map(([field, value]) => [field, storedField(value)]))
}

function pick(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, fields[name]]))
}

function omit(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)))
}

/** `finishedAt`, without that field `createdAt`, as epoch ms; missing when it is no instant. */
const PRUNE_INSTANT: Document = {
  $set: {
    p: {
      $let: {
        vars: {
          at: { $cond: [{ $eq: [{ $type: '$f.finishedAt' }, 'missing'] }, '$f.createdAt', '$f.finishedAt'] },
        },
        in: {
          $cond: [
            { $isNumber: '$$at' },
            '$$at',
            { $cond: [{ $eq: [{ $type: '$$at' }, 'date'] }, { $toDouble: { $toLong: '$$at' } }, '$$REMOVE'] },
          ],
        },
      },
    },
  },
}
