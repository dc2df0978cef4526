/**
 * Cron expressions, by croner: 5 fields, or 6 with seconds first.
 *
 *     second   0–59            (only with 6 fields; else 0)
 *     minute   0–59
 *     hour     0–23
 *     day      1–31, L (the last), 15W (the weekday nearest to the 15th)
 *     month    1–12 or JAN–DEC
 *     weekday  0–7 or SUN–SAT (0 and 7: Sunday), 5#2 (the second Friday), 5L (the last)
 *
 * In each: `*`, lists `1,2`, ranges `1-5`, steps `0-59/10` (or a star before the slash); also `@hourly`, `@daily`, `@weekly`,
 * `@monthly`, `@yearly`. When day and weekday are both restricted, either suffices; a `+` before the weekday asks for both.
 *
 * When clocks change. An expression with one single second, minute and hour names a *fixed* time of day: when it falls into the
 * gap (spring) it fires at the first instant after the gap, and when it comes twice (autumn) it fires once, the first time. Every
 * other expression, a list of hours such as `30 1,2 * * *` included, is a *rhythm*: what falls into the gap is skipped, and the repeated
 * time fires in both of its passes.
 */
import { Cron } from 'croner'
import { ScheduleInvalidError } from '../errors/sched-error.ts'

interface Field {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly accepts: string
}

const FIELDS: readonly Field[] = [
  { name: 'second', min: 0, max: 59, accepts: '0–59' },
  { name: 'minute', min: 0, max: 59, accepts: '0–59' },
  { name: 'hour', min: 0, max: 23, accepts: '0–23' },
  { name: 'day', min: 1, max: 31, accepts: '1–31, L or 15W' },
  { name: 'month', min: 1, max: 12, accepts: '1–12 or JAN–DEC' },
  { name: 'weekday', min: 0, max: 7, accepts: '0–7 or SUN–SAT, 5#2 or 5L' },
]

/** Expressions recur within 28 years, or 400 over a century without its leap day; from here croner searches far enough for both. */
const REFERENCE = new Date(Date.UTC(2000, 0, 1))
/** Compiled expressions kept: a compilation costs about as much as a step. */
const CACHE_SIZE = 1_000
const cache = new Map<string, Cron>()

/** The expression with single spaces. Throws SCHEDULE_INVALID when it cannot be understood or never fires. */
export function checkCron(expression: unknown): string {
  if (typeof expression !== 'string')
    throw new ScheduleInvalidError(`cron ${String(expression)} is not a text such as "0 0 * * *"`)
  const text = expression.trim().replace(/\s+/g, ' ')
  const compiled = compile(text, 'UTC')
  if (compiled.nextRun(REFERENCE) === null) {
    throw new ScheduleInvalidError(`cron "${text}" never fires: no month it names has that day`)
  }
  return text
}

/** The first instant after `after` (epoch milliseconds), or null when there is none. Throws SCHEDULE_INVALID. */
export function nextCron(expression: string, timeZone: string, after: number): number | null {
  return compile(expression, timeZone).nextRun(new Date(after))?.getTime() ?? null
}

function compile(text: string, timeZone: string): Cron {
  const key = `${timeZone} ${text}`
  const known = cache.get(key)
  if (known) return known
  let compiled: Cron
  try {
    compiled = fromCroner(text, timeZone)
  } catch (cause) {
    throw new ScheduleInvalidError(`cron "${text}": ${explain(text, cause as Error)}`, { cause })
  }
  if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value!)
  cache.set(key, compiled)
  return compiled
}

function fromCroner(text: string, timezone: string): Cron {
  return new Cron(text, { timezone, paused: true, mode: '5-or-6-parts' })
}

/** Finds the field that is refused when all others are `*`, and says what it takes. */
function explain(text: string, cause: Error): string {
  if (text.startsWith('@')) return 'the nicknames are @hourly, @daily, @weekly, @monthly and @yearly'
  const parts = text === '' ? [] : text.split(' ')
  if (parts.length < 5 || parts.length > 6) {
    return `${parts.length} field${parts.length === 1 ? '' : 's'} instead of 5 (minute hour day month weekday) or 6 (with seconds first)`
  }
  const fields = FIELDS.slice(6 - parts.length)
  for (const [i, part] of parts.entries()) {
    const alone = fields.map((_, j) => (j === i ? part : '*')).join(' ')
    try {
      fromCroner(alone, 'UTC')
    } catch {
      return explainField(fields[i]!, part)
    }
  }
  return reasonOf(cause)
}

function explainField(field: Field, part: string): string {
  for (const item of part.split(',')) {
    const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(item)
    if (!match) continue
    const [, first, last, step] = match
    const from = Number(first ?? field.min)
    const to = Number(last ?? first ?? field.max)
    const outside = [from, to].find((n) => n < field.min || n > field.max)
    if (outside !== undefined) return `${field.name} ${outside} is outside ${field.min}–${field.max}`
    if (from > to)
      return `${field.name} ${item} runs backwards: write ${from}-${field.max},${field.min}-${to}`
    if (step !== undefined && (Number(step) < 1 || Number(step) > field.max))
      return `${field.name} ${item}: the step ${step} is outside 1–${field.max}`
    if (step !== undefined && first !== undefined && last === undefined)
      return `${field.name} ${item}: a step needs a range: write ${first}-${field.max}/${step}`
  }
  return `${field.name} "${part}" is not understood: use ${field.accepts}, with * , - and /`
}

function reasonOf(cause: Error): string {
  return cause.message.replace(/^Cron\w+: /, '')
}
