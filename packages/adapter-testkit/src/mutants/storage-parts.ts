/** How the mistakes of a storage are put in place of the model's own. */
import { equalValues } from '@sched/core/adapter'
import type { RowRules } from '../model/filter.ts'
import { ModelStorage } from '../model/storage.ts'
import type { Mutant } from './mutant.ts'

export function withRules(rules: RowRules): Mutant['parts'] {
  return {
    storage: (node) =>
      new (class extends ModelStorage {
        protected override readonly rules = rules
      })(node),
  }
}

export function storage(make: (base: typeof ModelStorage) => typeof ModelStorage): Mutant['parts'] {
  const Broken = make(ModelStorage)
  return { storage: (node) => new Broken(node) }
}

export function contains(value: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null || part instanceof Date) return equalValues(value, part)
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(part)) {
    return Array.isArray(value) && part.every((item) => value.some((other) => contains(other, item)))
  }
  return Object.entries(part).every(([key, item]) => contains((value as Record<string, unknown>)[key], item))
}

export function numberOf(value: unknown): number {
  return value instanceof Date || typeof value === 'number' ? Number(value) : Number.NaN
}
