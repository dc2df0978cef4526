import { equalValues, type Filter, InvalidArgumentError, type ListOptions } from '@sched/core/adapter'

const OPERATORS = ['$eq', '$ne', '$in', '$lt', '$lte', '$gt', '$gte']

export interface Row {
  readonly id: string
  readonly value: unknown
}

/** Whether a value matches. Throws INVALID_ARGUMENT for an unknown operator, also when there is nothing to match. */
export function matcher(filter: Filter = {}): (value: unknown) => boolean {
  const conditions = Object.entries(filter).map(
    ([field, condition]) => [field, operators(condition)] as const,
  )
  return (value) =>
    conditions.every(([field, parts]) =>
      parts.every(([operator, operand]) => holds(fieldOf(value, field), operator, operand)),
    )
}

/** A plain object with a $ key is a condition; anything else is equality. */
function operators(condition: unknown): [string, unknown][] {
  if (
    typeof condition !== 'object' ||
    condition === null ||
    Array.isArray(condition) ||
    condition instanceof Date
  )
    return [['$eq', condition]]
  const parts = Object.entries(condition)
  if (!parts.some(([key]) => key.startsWith('$'))) return [['$eq', condition]]
  for (const [operator, operand] of parts) {
    if (!OPERATORS.includes(operator))
      throw new InvalidArgumentError(`unknown operator ${operator}: there are ${OPERATORS.join(', ')}`)
    if (operator === '$in' && !Array.isArray(operand)) throw new InvalidArgumentError('$in takes a list')
  }
  return parts
}

function holds(value: unknown, operator: string, operand: unknown): boolean {
  switch (operator) {
    case '$eq':
      return equalValues(value, operand)
    case '$ne':
      return !equalValues(value, operand)
    case '$in':
      return (operand as unknown[]).some((one) => equalValues(value, one))
  }
  const rank = rankOf(value)
  if (rank === UNORDERED || rank !== rankOf(operand)) return false
  const order = compareSameRank(value, operand)
  return operator === '$lt'
    ? order < 0
    : operator === '$lte'
      ? order <= 0
      : operator === '$gt'
        ? order > 0
        : order >= 0
}

/** Numbers before instants before text; everything else counts as missing. */
const UNORDERED = 3

function rankOf(value: unknown): number {
  if (typeof value === 'number') return 0
  if (value instanceof Date) return 1
  return typeof value === 'string' ? 2 : UNORDERED
}

function compareSameRank(a: unknown, b: unknown): number {
  return typeof a === 'string' ? compareText(a, b as string) : Number(a) - Number(b)
}

/** By UTF-8 bytes: JavaScript's own order of strings goes by UTF-16 units. */
export function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

export function ordered(rows: Row[], { orderBy, limit, offset = 0 }: ListOptions = {}): Row[] {
  checkCount(limit, 'limit')
  checkCount(offset, 'offset')
  const sign = orderBy?.direction === 'desc' ? -1 : 1
  rows.sort((a, b) => {
    if (!orderBy) return compareText(a.id, b.id)
    const [left, right] = [fieldOf(a.value, orderBy.field), fieldOf(b.value, orderBy.field)]
    const [leftRank, rightRank] = [rankOf(left), rankOf(right)]
    // without a place in the order: last, in both directions
    if (leftRank === UNORDERED || rightRank === UNORDERED) {
      if (leftRank !== rightRank) return leftRank === UNORDERED ? 1 : -1
      return compareText(a.id, b.id)
    }
    const order = leftRank - rightRank || compareSameRank(left, right)
    return sign * order || compareText(a.id, b.id)
  })
  return rows.slice(offset, limit === undefined ? undefined : offset + limit)
}

export function checkCount(value: unknown, what: string): void {
  if (value !== undefined && !(Number.isSafeInteger(value) && (value as number) >= 0))
    throw new InvalidArgumentError(`${what} must be a whole number from 0 on, not ${String(value)}`)
}

export function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, field)
    ? (value as Record<string, unknown>)[field]
    : undefined
}
