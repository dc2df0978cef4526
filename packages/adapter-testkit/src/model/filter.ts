import { equalValues, type Filter, InvalidArgumentError, type ListOptions } from '@sched/core/adapter'
import type { Row } from './rows.ts'

const OPERATORS = ['$eq', '$ne', '$in', '$lt', '$lte', '$gt', '$gte']
/** A field that is not there: equal to nothing, not even null. */
export const MISSING: unique symbol = Symbol('missing')

/** How one row is compared with a filter, and with another row. Each method is one rule of the contract. */
export class RowRules {
  matches(row: Row, filter: Filter): boolean {
    return Object.keys(filter).every((field) => this.fieldMatches(this.field(row, field), filter[field]))
  }

  field(row: Row, name: string): unknown {
    const value = row.value
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return MISSING
    return (value as Record<string, unknown>)[name]
  }

  fieldMatches(value: unknown, condition: unknown): boolean {
    if (!isCondition(condition)) return this.equal(value, condition)
    return Object.entries(condition).every(([operator, operand]) => this.operator(value, operator, operand))
  }

  operator(value: unknown, operator: string, operand: unknown): boolean {
    switch (operator) {
      case '$eq':
        return this.equal(value, operand)
      case '$ne':
        return !this.equal(value, operand)
      case '$in':
        return (operand as readonly unknown[]).some((item) => this.equal(value, item))
      default:
        return this.inRange(value, operator, operand)
    }
  }

  equal(value: unknown, other: unknown): boolean {
    return value !== MISSING && equalValues(value, other)
  }

  /** Within numbers, instants or strings; across kinds nothing is in any range. */
  inRange(value: unknown, operator: string, bound: unknown): boolean {
    if (kindOf(value) === OTHER || kindOf(value) !== kindOf(bound)) return false
    const order = this.compareSameKind(value, bound)
    if (operator === '$lt') return order < 0
    if (operator === '$lte') return order <= 0
    return operator === '$gt' ? order > 0 : order >= 0
  }

  compareSameKind(a: unknown, b: unknown): number {
    if (typeof a === 'string') return compareText(a, b as string)
    return Number(a) - Number(b)
  }

  /** By the field, missing last in both directions, ties by id. */
  sorted(rows: readonly Row[], orderBy: ListOptions['orderBy']): Row[] {
    const byId = rows.toSorted((a, b) => compareText(a.id, b.id))
    if (orderBy === undefined) return byId
    const { field, direction } = orderBy
    return byId.sort((a, b) =>
      this.compareFields(this.field(a, field), this.field(b, field), direction ?? 'asc'),
    )
  }

  compareFields(a: unknown, b: unknown, direction: 'asc' | 'desc'): number {
    if (kindOf(a) === OTHER || kindOf(b) === OTHER)
      return Number(kindOf(a) === OTHER) - Number(kindOf(b) === OTHER)
    const order = kindOf(a) - kindOf(b) || this.compareSameKind(a, b)
    return direction === 'desc' ? -order : order
  }
}

const OTHER = 3

/** Numbers before instants before strings; everything else counts as missing. */
function kindOf(value: unknown): number {
  if (typeof value === 'number') return 0
  if (value instanceof Date) return 1
  return typeof value === 'string' ? 2 : OTHER
}

/** By UTF-8 bytes, as a server's binary collation has it: the same order as by code points. */
export function compareText(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a[i] !== b[i]) return (a.codePointAt(i) ?? 0) - (b.codePointAt(i) ?? 0)
  }
  return a.length - b.length
}

/** An object with a `$` key is a condition; every other value stands for itself. */
function isCondition(condition: unknown): condition is Record<string, unknown> {
  if (
    typeof condition !== 'object' ||
    condition === null ||
    Array.isArray(condition) ||
    condition instanceof Date
  ) {
    return false
  }
  return Object.keys(condition).some((key) => key.startsWith('$'))
}

/** Throws INVALID_ARGUMENT for an operator that is not one, whether or not there is any row to compare. */
export function checkFilter(filter: Filter): void {
  for (const [field, condition] of Object.entries(filter)) {
    if (!isCondition(condition)) continue
    const unknown = Object.keys(condition).find((key) => !OPERATORS.includes(key))
    if (unknown !== undefined) {
      throw new InvalidArgumentError(
        `filter.${field}: ${unknown} is no operator; use one of ${OPERATORS.join(', ')}`,
      )
    }
    if ('$in' in condition && !Array.isArray(condition.$in)) {
      throw new InvalidArgumentError(`filter.${field}.$in must be an array`)
    }
  }
}
