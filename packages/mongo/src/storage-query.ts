/** Filters and orders as the server's own. A caller's values only ever stand inside `$eq`, `$in` and ranges, and are never nested. */
import { copyValue, type Filter, InvalidArgumentError, type ListOptions } from '@sched/core/adapter'
import { type Document, MaxKey } from 'mongodb'
import { digestOf, fieldName } from './record-codec.ts'

/** No record: every `_id` is a document. */
const NONE: Document = { _id: null }

/** All records of a namespace (`s`: its key), or those whose id comes after `after`. */
function inNamespace(s: string, after?: string): Document {
  const from = after === undefined ? { $gte: { s } } : { $gt: { s, i: after } }
  return { _id: { ...from, $lt: { s, i: new MaxKey() } } }
}

/** Those of `s` that match. Throws INVALID_ARGUMENT for an unknown operator, VALUE_UNSERIALIZABLE for an operand. */
export function matching(s: string, filter: Filter | undefined, after?: string): Document {
  const conditions = Object.entries(filter ?? {}).flatMap(([field, condition]) =>
    conditionsOn(field, condition),
  )
  if (conditions.length === 0) return inNamespace(s, after)
  // indexes of fields begin with the namespace
  return { $and: [inNamespace(s, after), { '_id.s': s }, ...conditions] }
}

/** Stages that sort by a field, ties by id, what cannot be compared last in both directions. */
export function ordering(orderBy: NonNullable<ListOptions['orderBy']>): Document[] {
  const { field, direction = 'asc' } = orderBy
  if (direction !== 'asc' && direction !== 'desc')
    throw new InvalidArgumentError(`orderBy.direction must be asc or desc, not ${String(direction)}`)
  const way = direction === 'asc' ? 1 : -1
  const value = { $getField: { field: { $literal: fieldName(field) }, input: '$f' } }
  const isText = { $eq: [{ $type: '$v' }, 'string'] }
  const isInstant = { $eq: [{ $type: '$v' }, 'date'] }
  const rank = {
    $cond: [{ $isNumber: '$v' }, 0, { $cond: [isInstant, 1, { $cond: [isText, 2, 3] }] }],
  }
  return [
    { $set: { v: value } },
    { $set: { k: rank } },
    { $set: { l: { $eq: ['$k', 3] }, v: { $cond: [{ $eq: ['$k', 3] }, null, '$v'] } } },
    { $sort: { l: 1, k: way, v: way, _id: 1 } },
    { $unset: ['v', 'k', 'l'] },
  ]
}

/** Where a field lies. */
export function pathOf(field: string): string {
  return `f.${fieldName(field)}`
}

function conditionsOn(field: string, condition: unknown): Document[] {
  const path = pathOf(field)
  if (!hasOperators(condition)) return [equal(path, condition)]
  return Object.entries(condition).map(([operator, operand]) => operated(path, field, operator, operand))
}

function operated(path: string, field: string, operator: string, operand: unknown): Document {
  switch (operator) {
    case '$eq':
      return equal(path, operand)
    case '$ne':
      return { $nor: [equal(path, operand)] }
    case '$in': {
      if (!Array.isArray(operand)) throw new InvalidArgumentError(`filter.${field}.$in must be an array`)
      return oneOf(path, operand)
    }
    case '$lt':
    case '$lte':
    case '$gt':
    case '$gte':
      return isComparable(operand) ? { [path]: { [operator]: plain(operand) } } : NONE
    default:
      throw new InvalidArgumentError(
        `filter.${field}: "${operator}" is no operator; there are $eq, $ne, $in, $lt, $lte, $gt and $gte`,
      )
  }
}

/** Equal by value; a missing field to nothing. */
export function equal(path: string, operand: unknown): Document {
  if (operand === undefined) return NONE
  const value = plain(operand)
  // null would match a missing field as well
  if (value === null) return { [path]: { $type: 'null' } }
  if (typeof value === 'object' && !(value instanceof Date))
    return { [`${path}.h`]: { $eq: digestOf(value) } }
  return { [path]: { $eq: value } }
}

function oneOf(path: string, operands: readonly unknown[]): Document {
  const scalars: unknown[] = []
  const others: Document[] = []
  for (const operand of operands) {
    const test = equal(path, operand)
    const { $eq } = (test[path] ?? {}) as { $eq?: unknown }
    if ($eq !== undefined) scalars.push($eq)
    else others.push(test)
  }
  if (scalars.length > 0) others.push({ [path]: { $in: scalars } })
  if (others.length === 0) return NONE
  return others.length === 1 ? (others[0] as Document) : { $or: others }
}

/** As the codec sees it. */
function plain(operand: unknown): unknown {
  return copyValue(operand, { root: 'filter' })
}

function isComparable(bound: unknown): boolean {
  return typeof bound === 'number' || typeof bound === 'string' || bound instanceof Date
}

function hasOperators(condition: unknown): condition is Record<string, unknown> {
  if (typeof condition !== 'object' || condition === null) return false
  if (Array.isArray(condition) || condition instanceof Date) return false
  return Object.keys(condition).some((key) => key.startsWith('$'))
}
