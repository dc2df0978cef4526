/** What differs from record to record within one update of many: constants, which the server looks up by the record's id through a hash. */
import type { Document } from 'mongodb'
import type { RecordId } from './commands/record-document.ts'
import type { StoredField } from './record-codec.ts'

/** An update is one document, of at most 16 MiB; a UTF-16 unit takes at most three bytes. */
const LONGEST_TEXT = 4_000_000

/** As an expression: the one of `values` that stands in the place of the record's id among `ids`. */
export function ownOf(ids: readonly RecordId[], values: readonly unknown[]): Document {
  return {
    $arrayElemAt: [{ $literal: values }, { $indexOfArray: [{ $literal: ids.map(({ i }) => i) }, '$_id.i'] }],
  }
}

/** Pieces that fit into one update each; a larger item is a piece by itself. `lengthOf`: UTF-16 units. */
export function* inPieces<T>(items: readonly T[], lengthOf: (item: T) => number): Generator<T[]> {
  let piece: T[] = []
  let length = 0
  for (const item of items) {
    const next = lengthOf(item)
    if (piece.length > 0 && length + next > LONGEST_TEXT) {
      yield piece
      piece = []
      length = 0
    }
    piece.push(item)
    length += next
  }
  if (piece.length > 0) yield piece
}

/** What a field takes beside its name and its text. */
const BESIDE = 12

/** UTF-16 units, about. */
export function lengthOf(fields: Readonly<Record<string, unknown>>): number {
  let length = 0
  for (const name in fields) length += name.length + BESIDE + textLengthOf(fields[name] as StoredField)
  return length
}

function textLengthOf(field: StoredField): number {
  if (typeof field === 'string') return field.length
  return typeof field === 'object' && field !== null && 'j' in field ? field.j.length : 0
}
