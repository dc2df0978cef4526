/**
 * Filters: an AND over top-level fields. A filter is checked and compiled once a call; what comes out only reads.
 *
 * - A bare value, or `$eq`: equality by deep value: a list equals a list with the same items, it does not contain. An object with a
 *   `$` key is taken for operators, so compare with such an object through `$eq`.
 * - `null` is not missing: `$eq: null` and `$in: [null]` want an explicit null. `$ne` matches a missing field too.
 * - Ranges compare within numbers, instants or strings; across kinds, and with anything else, they do not match.
 */
import { copyValue, equalValues, type Filter, InvalidArgumentError } from '@sched/core/adapter'
import { compareSameKind, kindOf, UNORDERED } from './ordering.ts'

/** What a field holds when the record lacks it. */
export const MISSING: unique symbol = Symbol('missing')

type Test = (value: unknown) => boolean

const OPERATORS = ['$eq', '$ne', '$in', '$lt', '$lte', '$gt', '$gte'] as const
export type Operator = (typeof OPERATORS)[number]

/** One comparison of a filter. The operand is a checked copy. */
export interface Term {
  readonly field: string
  readonly operator: Operator
  readonly operand: unknown
}

export interface CompiledFilter {
  readonly terms: readonly Term[]
  matches(value: unknown): boolean
}

/** Throws INVALID_ARGUMENT for what is no filter or no operator, VALUE_* for operands that no record could hold. */
export function compileFilter(filter: Filter | undefined): CompiledFilter {
  if (filter === undefined) return { terms: [], matches: () => true }
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter)) {
    throw new InvalidArgumentError('a filter must be an object of field names and what they must be')
  }
  const terms = Object.entries(filter).flatMap(([field, condition]) => termsOf(field, condition))
  const tests = terms.map((term) => ({ field: term.field, test: testOf(term) }))
  return { terms, matches: (value) => tests.every(({ field, test }) => test(fieldOf(value, field))) }
}

/** The value of a top-level field; MISSING when the record has no such field, or is no object with fields. */
export function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Date)
    return MISSING
  return Object.hasOwn(value, field) ? (value as Record<string, unknown>)[field] : MISSING
}

function termsOf(field: string, condition: unknown): Term[] {
  if (!isOperators(condition)) return [{ field, operator: '$eq', operand: operandOf(field, condition) }]
  return Object.entries(condition).map(([name, value]) => {
    const operator = checkOperator(field, name)
    const operand = operandOf(`${field}.${operator}`, value)
    if (operator === '$in' && !Array.isArray(operand)) {
      throw new InvalidArgumentError(`filter.${field}.$in must be an array`)
    }
    return { field, operator, operand }
  })
}

function isOperators(condition: unknown): condition is Record<string, unknown> {
  if (typeof condition !== 'object' || condition === null) return false
  if (Array.isArray(condition) || condition instanceof Date) return false
  return Object.keys(condition).some((key) => key.startsWith('$'))
}

function checkOperator(field: string, operator: string): Operator {
  if (OPERATORS.includes(operator as Operator)) return operator as Operator
  throw new InvalidArgumentError(
    `filter.${field}: unknown operator ${operator}; there are ${OPERATORS.join(', ')}; compare with an object by $eq`,
  )
}

function operandOf(path: string, value: unknown): unknown {
  if (value === undefined) {
    throw new InvalidArgumentError(`filter.${path} is undefined: leave it out, or use null`)
  }
  return copyValue(value, { root: `filter.${path}` })
}

function testOf({ operator, operand: wanted }: Term): Test {
  switch (operator) {
    case '$eq':
      return equalTo(wanted)
    case '$ne': {
      const equal = equalTo(wanted)
      return (value) => !equal(value)
    }
    case '$in':
      return oneOf(wanted as readonly unknown[])
    case '$lt':
      return inRange(wanted, (order) => order < 0)
    case '$lte':
      return inRange(wanted, (order) => order <= 0)
    case '$gt':
      return inRange(wanted, (order) => order > 0)
    case '$gte':
      return inRange(wanted, (order) => order >= 0)
  }
}

function equalTo(wanted: unknown): Test {
  return (value) => value === wanted || (value !== MISSING && equalValues(value, wanted))
}

function oneOf(wanted: readonly unknown[]): Test {
  const plain = new Set(wanted.filter((item) => typeof item !== 'object' || item === null))
  const deep = wanted.filter((item) => typeof item === 'object' && item !== null)
  return (value) => plain.has(value) || (value !== MISSING && deep.some((item) => equalValues(value, item)))
}

function inRange(bound: unknown, holds: (order: number) => boolean): Test {
  const kind = kindOf(bound)
  if (kind === UNORDERED) return () => false
  return (value) => kindOf(value) === kind && holds(compareSameKind(value, bound))
}
