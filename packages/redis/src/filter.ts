/** Whether a record matches a filter, and how records are ordered. Decided here, page by page, with the codec's own equality. */
import { equalValues, type Filter, InvalidArgumentError, type ListOptions } from '@sched/core/adapter'

export interface FoundRecord {
  readonly id: string
  readonly value: unknown
}

type Test = (value: unknown) => boolean

const ABSENT: unique symbol = Symbol('absent')

/** One test a field, prepared once for any number of records. Throws INVALID_ARGUMENT for an unknown operator. */
export function compileFilter(filter: Filter | undefined): Test {
  const fields = Object.entries(filter ?? {}).map(([field, condition]) => ({
    field,
    test: conditionTest(field, condition),
  }))
  return (value) => fields.every(({ field, test }) => test(fieldOf(value, field)))
}

/** Orders by id, or by a field with ties by id and what cannot be compared last. */
export function sortRecords(records: FoundRecord[], orderBy: ListOptions['orderBy']): FoundRecord[] {
  if (orderBy === undefined) return records.sort((a, b) => compareBytes(a.id, b.id))
  const sign = orderBy.direction === 'desc' ? -1 : 1
  const keyed = records.map((record) => {
    const value = fieldOf(record.value, orderBy.field)
    return { record, value, rank: rankOf(value) }
  })
  keyed.sort((a, b) => {
    if (a.rank === Rank.unordered || b.rank === Rank.unordered) {
      if (a.rank !== b.rank) return a.rank === Rank.unordered ? 1 : -1
    } else {
      const order = a.rank - b.rank || compareSameRank(a.value, b.value)
      if (order !== 0) return sign * order
    }
    return compareBytes(a.record.id, b.record.id)
  })
  return keyed.map(({ record }) => record)
}

function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}

export function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, field))
    return ABSENT
  return (value as Record<string, unknown>)[field]
}

function conditionTest(field: string, condition: unknown): Test {
  if (!hasOperators(condition)) return equalTo(condition)
  const tests = Object.entries(condition).map(([operator, operand]) => operatorTest(field, operator, operand))
  return (value) => tests.every((test) => test(value))
}

function operatorTest(field: string, operator: string, operand: unknown): Test {
  const test = equalTo(operand)
  switch (operator) {
    case '$eq':
      return test
    case '$ne':
      return (value) => !test(value)
    case '$in': {
      if (!Array.isArray(operand)) throw new InvalidArgumentError(`filter.${field}.$in must be an array`)
      const tests = operand.map(equalTo)
      return (value) => tests.some((one) => one(value))
    }
    case '$lt':
      return rangeTest(operand, (order) => order < 0)
    case '$lte':
      return rangeTest(operand, (order) => order <= 0)
    case '$gt':
      return rangeTest(operand, (order) => order > 0)
    case '$gte':
      return rangeTest(operand, (order) => order >= 0)
    default:
      throw new InvalidArgumentError(
        `filter.${field}: "${operator}" is no operator; there are $eq, $ne, $in, $lt, $lte, $gt and $gte`,
      )
  }
}

function equalTo(operand: unknown): Test {
  return (value) => value !== ABSENT && equalValues(value, operand)
}

function rangeTest(bound: unknown, holds: (order: number) => boolean): Test {
  const rank = rankOf(bound)
  if (rank === Rank.unordered) return () => false
  return (value) => rankOf(value) === rank && holds(compareSameRank(value, bound))
}

function compareSameRank(a: unknown, b: unknown): number {
  return typeof a === 'string' ? compareBytes(a, b as string) : Number(a) - Number(b)
}

const Rank = { number: 0, instant: 1, text: 2, unordered: 3 } as const

function rankOf(value: unknown): number {
  if (typeof value === 'number') return Rank.number
  if (value instanceof Date) return Rank.instant
  return typeof value === 'string' ? Rank.text : Rank.unordered
}

function hasOperators(condition: unknown): condition is Record<string, unknown> {
  if (typeof condition !== 'object' || condition === null) return false
  if (Array.isArray(condition) || condition instanceof Date) return false
  return Object.keys(condition).some((key) => key.startsWith('$'))
}
