import type { PatchItem } from '../contracts/storage-engine.ts'
import { InvalidArgumentError } from '../errors/sched-error.ts'
import { checkName } from '../values/codec.ts'

/** Throws INVALID_ARGUMENT, naming the field, for a patch that breaks the contract's rules. The values of `set` are the codec's to check. */
export function checkPatch({ id, where, set, count, revTo }: PatchItem): void {
  checkName(id, 'id')
  for (const field in where) {
    checkField(field, 'where')
    if (!isScalar(where[field]))
      throw new InvalidArgumentError(
        `where.${field} must be a well-formed text, a finite number, a boolean, null or undefined`,
      )
  }
  for (const field in set) checkWritten(field, 'set')
  if (count !== undefined) checkCounted(count, 'count', set)
  if (revTo !== undefined) checkCounted(revTo, 'revTo', set)
  if (count !== undefined && count === revTo)
    throw new InvalidArgumentError(`count and revTo must not both name ${count}`)
}

function checkCounted(field: string, part: string, set: PatchItem['set']): void {
  checkWritten(field, part)
  if (Object.hasOwn(set, field))
    throw new InvalidArgumentError(`${part} must not name ${field}, which set names, too`)
}

function checkWritten(field: string, part: string): void {
  checkField(field, part)
  if (field === 'rev')
    throw new InvalidArgumentError(`${part} must not name rev: the storage adds one to it by itself`)
}

function checkField(field: string, part: string): void {
  if (!field.isWellFormed())
    throw new InvalidArgumentError(`${part}: the name of a field must be well-formed Unicode`)
}

function isScalar(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value === 'number') return Number.isFinite(value)
  return value === null || value === undefined || typeof value === 'boolean'
}
