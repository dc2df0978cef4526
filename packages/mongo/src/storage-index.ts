/** Which indexes the records get for the fields that core names. */
import { indexField } from './commands/storage-index.ts'
import type { MongoConnection } from './connection.ts'
import { pathOf } from './storage-query.ts'

/** Core names it for `prune`, which has an index of its own. */
const PRUNED_BY = 'finishedAt'
/** Whose jobs run is only asked together with the state: every claim and every end writes one index less. */
const STATE = 'state'
const WORKER = 'worker'

export interface WantedIndex {
  readonly fields: readonly string[]
  create(connection: MongoConnection): Promise<void>
}

/** One a field, but for those that core always looks for together. */
export function indexesFor(fields: readonly string[]): WantedIndex[] {
  const left = new Set(fields)
  left.delete(PRUNED_BY)
  const wanted: WantedIndex[] = []
  if (left.has(STATE) && left.has(WORKER)) {
    left.delete(STATE)
    left.delete(WORKER)
    wanted.push({ fields: [STATE, WORKER], create: indexStateAndWorker })
  }
  for (const field of left)
    wanted.push({ fields: [field], create: (connection) => indexField(connection, field) })
  return wanted
}

async function indexStateAndWorker(connection: MongoConnection): Promise<void> {
  const [state, worker] = [pathOf(STATE), pathOf(WORKER)]
  await connection.run({ name: 'storage index', repeatable: true }, () =>
    connection
      .collection('records')
      .createIndex(
        { '_id.s': 1, [state]: 1, [worker]: 1, '_id.i': 1 },
        { name: 'fields state worker', partialFilterExpression: { [state]: { $exists: true } } },
      ),
  )
}
