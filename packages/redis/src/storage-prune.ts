import { fieldOf } from './filter.ts'

/** `finishedAt`; without that field `createdAt`; empty when it is no instant: such a record is never pruned. */
export function pruneInstant(value: unknown): string {
  const finishedAt = fieldOf(value, 'finishedAt')
  // an undefined property is dropped by the codec: it is not there
  const instant =
    typeof finishedAt === 'symbol' || finishedAt === undefined ? fieldOf(value, 'createdAt') : finishedAt
  if (instant instanceof Date) return String(instant.getTime())
  return typeof instant === 'number' ? String(instant) : ''
}
