/** Patches as the arguments of lua/storage/patch.lua. */
import { checkPatch, encodeValue, type PatchItem } from '@sched/core/adapter'
import { pruneInstant } from './storage-prune.ts'

/** What stands there in place of a value. */
const NOTHING = ''
const ONE_MORE = '+'
const NEW_REV = '^'

/** What stands there in place of an instant. */
const AS_IT_WAS = '='
const TO_BE_FOUND = '?'

/** With another field beside it a lone `$date` is no Date. */
const BESIDE = '"rev":0}'

/** Throws INVALID_ARGUMENT, VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE. */
export function patchArguments(item: PatchItem, maxBytes: number): string[] {
  checkPatch(item)
  return [item.id, whereText(item.where), namesText(item), setText(item.set, maxBytes), instantText(item)]
}

function whereText(where: PatchItem['where']): string {
  const fields = Object.entries(where).map(([name, value]) =>
    member(name, value === undefined ? NOTHING : JSON.stringify(value)),
  )
  return `{${fields.join()}}`
}

function namesText({ set, count, revTo }: PatchItem): string {
  let text = member('rev', NEW_REV)
  for (const name of Object.keys(set)) text += `,${member(name, NOTHING)}`
  if (count !== undefined) text += `,${member(count, ONE_MORE)}`
  if (revTo !== undefined) text += `,${member(revTo, NEW_REV)}`
  return `{${text}}`
}

/** A comma before each field. */
function setText(set: PatchItem['set'], maxBytes: number): string {
  // a name that is a number comes before all others, so that `rev` is the last one
  const inside = encodeValue({ ...set, rev: 0 }, { root: 'set', maxBytes }).slice(1, -BESIDE.length)
  return inside === '' ? '' : `,${inside.slice(0, -1)}`
}

function instantText({ set, count, revTo }: PatchItem): string {
  if (set.finishedAt !== undefined) return pruneInstant(set)
  const isTouched = (name: string): boolean => Object.hasOwn(set, name) || count === name || revTo === name
  return isTouched('finishedAt') || isTouched('createdAt') ? TO_BE_FOUND : AS_IT_WAS
}

function member(name: string, text: string): string {
  return `${JSON.stringify(name)}:${text}`
}
