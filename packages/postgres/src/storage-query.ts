/** Filters and orders as SQL over the column `value`. Fields and operands are parameters; no text of a caller's becomes SQL. */
import { encodeValue, type Filter, InvalidArgumentError, type ListOptions } from '@sched/core/adapter'
import type { Parameter } from './database.ts'
import { toJsonb } from './jsonb-text.ts'

/** A condition that is being put together, and the parameters it names. */
export class Query {
  readonly #parameters: Parameter[]
  readonly #conditions: string[] = []

  constructor(conditions: readonly string[], parameters: readonly Parameter[]) {
    this.#conditions.push(...conditions)
    this.#parameters = [...parameters]
  }

  get parameters(): readonly Parameter[] {
    return this.#parameters
  }

  get where(): string {
    return this.#conditions.join(' and ')
  }

  add(condition: string): void {
    this.#conditions.push(condition)
  }

  /** Gives the parameter's `$n`. */
  parameter(value: Parameter, type: string): string {
    this.#parameters.push(value)
    return `$${this.#parameters.length}::${type}`
  }
}

/**
 * Adds the filter's conditions on records of the namespace: what finds candidates by an index, and equality, which decides. Throws
 * INVALID_ARGUMENT for an unknown operator, VALUE_UNSERIALIZABLE for an operand.
 */
export function addFilter(query: Query, namespace: string, filter: Filter = {}): void {
  const addIndexed = isOfJobs(namespace) ? undefined : addAnyField
  if (!addIndexed) addJobFields(query, filter)
  for (const [field, condition] of Object.entries(filter)) {
    const value = `(value -> ${query.parameter(fieldText(field), 'text')})`
    const operators = hasOperators(condition) ? condition : { $eq: condition }
    for (const [operator, operand] of Object.entries(operators))
      addOperator(query, { field, value, operator, operand, addIndexed })
  }
}

/** Whether core keeps the jobs of a composed store there, under a scope: see the indexes in migrations/001-adapters.sql. */
function isOfJobs(namespace: string): boolean {
  return namespace.endsWith(':jobs') && namespace.split(':').length > 3
}

/** `order by` without the words. Ties by id; what cannot be compared comes last in both directions. */
export function orderText(query: Query, orderBy: ListOptions['orderBy']): string {
  if (orderBy === undefined) return 'id'
  const { field, direction = 'asc' } = orderBy
  if (direction !== 'asc' && direction !== 'desc')
    throw new InvalidArgumentError(`orderBy.direction must be asc or desc, not ${String(direction)}`)
  const name = query.parameter(fieldText(field), 'text')
  const value = `(value -> ${name})`
  const rank = `case when jsonb_typeof(${value}) = 'number' then 0 when ${isInstant(value)} then 1
    when jsonb_typeof(${value}) = 'string' then 2 else 3 end`
  const number = `case when jsonb_typeof(${value}) = 'number' then ${value}::numeric
    when ${isInstant(value)} then (${value} -> '$date')::numeric end`
  const text = `case when jsonb_typeof(${value}) = 'string' then (value ->> ${name}) end collate "C"`
  return `(${rank}) = 3, (${rank}) ${direction}, (${number}) ${direction}, (${text}) ${direction}, id`
}

interface OperatorParts {
  readonly field: string
  readonly value: string
  readonly operator: string
  readonly operand: unknown
  readonly addIndexed: AddIndexed | undefined
}

/** Adds what finds by an index those whose field may equal one of the operands. */
type AddIndexed = (query: Query, field: string, operands: readonly unknown[]) => void

const RANGES: Readonly<Record<string, string>> = { $lt: '<', $lte: '<=', $gt: '>', $gte: '>=' }

function addOperator(query: Query, { field, value, operator, operand, addIndexed }: OperatorParts): void {
  if (operator === '$eq') {
    addIndexed?.(query, field, [operand])
    query.add(equalText(query, value, operand))
  } else if (operator === '$ne') query.add(`(${equalText(query, value, operand)}) is not true`)
  else if (operator === '$in') {
    if (!Array.isArray(operand)) throw new InvalidArgumentError(`filter.${field}.$in must be an array`)
    addIndexed?.(query, field, operand)
    const tests = operand.map((one: unknown) => equalText(query, value, one))
    query.add(tests.length === 0 ? never(value) : `(${tests.join(' or ')})`)
  } else if (Object.hasOwn(RANGES, operator))
    query.add(rangeText(query, value, RANGES[operator] as string, operand))
  else {
    throw new InvalidArgumentError(
      `filter.${field}: "${operator}" is no operator; there are $eq, $ne, $in, $lt, $lte, $gt and $gte`,
    )
  }
}

/** So much of a text is in its index. */
const INDEXED_LENGTH = 100

/** By the indexes of jobs, where the operands are texts: the state, and with it the worker of those that run, the type of all others. */
function addJobFields(query: Query, filter: Filter): void {
  const states = textsOf(filter.state)
  // what only keeps an id known is not in the index
  if (states && !states.includes('gone')) {
    addTexts(query, `value ->> 'state'`, states)
    query.add(`value ->> 'state' <> 'gone'`)
    const isRunning = states.length === 1 && states[0] === 'running'
    const others = textsOf(isRunning ? filter.worker : states.includes('running') ? undefined : filter.type)
    if (others)
      addTexts(
        query,
        `case when value ->> 'state' = 'running' then value ->> 'worker' else value ->> 'type' end`,
        others,
      )
  }
  for (const field of ['dispatch', 'entityId', 'schedule']) {
    const texts = textsOf(filter[field])
    if (!texts) continue
    addTexts(query, `value ->> '${field}'`, texts)
    query.add(`value ->> '${field}' is not null`)
  }
}

/** The texts of which a field must be one; undefined where they are not all texts, or it is no equality. */
function textsOf(condition: unknown): readonly string[] | undefined {
  const { $eq, $in = [$eq] } = hasOperators(condition)
    ? (condition as { readonly $eq?: unknown; readonly $in?: unknown })
    : { $eq: condition }
  if (!Array.isArray($in) || $in.length === 0) return undefined
  return $in.every((one) => typeof one === 'string') ? ($in as string[]) : undefined
}

function addTexts(query: Query, value: string, texts: readonly string[]): void {
  const found = `(left(${value}, ${INDEXED_LENGTH}) collate "C")`
  const operands = texts.map((text) => `left(${query.parameter(fieldText(text), 'text')}, ${INDEXED_LENGTH})`)
  query.add(`${found} ${operands.length === 1 ? `= ${operands[0]}` : `in (${operands.join(', ')})`}`)
}

/** By the GIN index. It has no entry for an empty object or array, and would be read whole for one. */
function addAnyField(query: Query, field: string, operands: readonly unknown[]): void {
  if (operands.length === 0 || operands.includes(undefined) || !field.isWellFormed()) return
  const records = operands.map((operand) => toJsonb(`{${JSON.stringify(field)}:${encodeOperand(operand)}}`))
  if (records.some((record) => /\{\}|\[\]/.test(record))) return
  const contains = records.map((record) => `value @> ${query.parameter(record, 'jsonb')}`)
  query.add(`(${contains.join(' or ')})`)
  // as the index says it
  query.add(`namespace not like '%:%:%:jobs'`)
}

function equalText(query: Query, value: string, operand: unknown): string {
  return operand === undefined ? never(value) : `${value} = ${query.parameter(jsonOf(operand), 'jsonb')}`
}

function rangeText(query: Query, value: string, operator: string, bound: unknown): string {
  if (typeof bound === 'string') {
    const text = query.parameter(fieldText(bound), 'text')
    return `case when jsonb_typeof(${value}) = 'string' then (${value} #>> '{}') collate "C" ${operator} ${text} else false end`
  }
  if (bound instanceof Date) {
    const at = query.parameter(bound.getTime(), 'numeric')
    return `case when ${isInstant(value)} then (${value} -> '$date')::numeric ${operator} ${at} else false end`
  }
  if (typeof bound !== 'number') return never(value)
  const number = query.parameter(JSON.parse(encodeValue(bound)) as number, 'numeric')
  return `case when jsonb_typeof(${value}) = 'number' then ${value}::numeric ${operator} ${number} else false end`
}

/** False, with every parameter named: the server refuses one that is not. */
function never(value: string): string {
  return `(${value} is null and false)`
}

/** The codec's form of a Date, and no object of the user's: those with this one key get another one. */
function isInstant(value: string): string {
  return `(jsonb_typeof(${value}) = 'object' and jsonb_typeof(${value} -> '$date') = 'number' and ${value} - '$date' = '{}')`
}

function jsonOf(value: unknown): string {
  return toJsonb(encodeOperand(value))
}

function encodeOperand(value: unknown): string {
  return encodeValue(value, { root: 'filter' })
}

/** A name or text as it lies in jsonb. */
function fieldText(text: string): string {
  return text.includes('\u0000') || text.includes('\u0001')
    ? (JSON.parse(toJsonb(JSON.stringify(text))) as string)
    : text
}

function hasOperators(condition: unknown): condition is Record<string, unknown> {
  if (typeof condition !== 'object' || condition === null) return false
  if (Array.isArray(condition) || condition instanceof Date) return false
  return Object.keys(condition).some((key) => key.startsWith('$'))
}
