import type { Context } from '../../case.ts'
import { byBytes, idsOf, type Row, saveRows } from './records.ts'

/** Saves one record under each id and expects each to be one of its own: by get, list, count and delete. */
export async function allDistinct(
  context: Context,
  namespace: string,
  ids: readonly string[],
): Promise<void> {
  const { storage, check } = context
  await saveRows(
    storage,
    namespace,
    ids.map((id, n): Row => ({ id, n })),
  )
  for (const [n, id] of ids.entries())
    check.equal(await storage.get(namespace, id), { id, n }, `get of the id ${JSON.stringify(id)}`)
  check.equal(await storage.count(namespace), ids.length, 'count')
  check.equal(
    idsOf(await storage.list<Row>(namespace)),
    [...ids].sort(byBytes),
    'the ids that list gives, in order by bytes',
  )
  const [gone = '', ...rest] = ids
  await storage.delete(namespace, gone)
  check.equal(await storage.get(namespace, gone), null, `get of ${JSON.stringify(gone)} after its delete`)
  check.equal(
    await storage.count(namespace),
    rest.length,
    `count after the delete of ${JSON.stringify(gone)}`,
  )
}

/** Keeps one record in each namespace and expects that none reaches into another, by any operation. */
export async function allApart(context: Context, namespaces: readonly string[]): Promise<void> {
  const { storage, check } = context
  for (const namespace of namespaces) await storage.save(namespace, 'a', { namespace, createdAt: 1 })
  for (const namespace of namespaces) {
    const shown = JSON.stringify(namespace)
    check.equal(
      await storage.list(namespace),
      [{ namespace, createdAt: 1 }],
      `list of the namespace ${shown}`,
    )
    check.equal(await storage.count(namespace), 1, `count of the namespace ${shown}`)
  }
  const [first = '', ...rest] = namespaces
  check.equal(await storage.prune(first, 10), 1, `prune of the namespace ${JSON.stringify(first)}`)
  for (const namespace of rest)
    check.equal(
      await storage.get(namespace, 'a'),
      { namespace, createdAt: 1 },
      `the namespace ${JSON.stringify(namespace)} after prune of ${JSON.stringify(first)}`,
    )
}
