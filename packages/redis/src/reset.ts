import type { Connection } from './connection.ts'
import { everyKeyOf } from './keys.ts'

const KEYS_A_STEP = 500

/** Deletes every key of the prefix, on every master of a cluster, in bounded steps. Nothing of another prefix is touched. */
export async function resetPrefix(connection: Connection, prefix: string): Promise<void> {
  const pattern = everyKeyOf(prefix)
  for (const master of await connection.masters()) {
    let cursor = '0'
    do {
      const from = cursor
      const [next, keys] = await connection.attempt(
        'reset',
        () => master.scan(from, 'MATCH', pattern, 'COUNT', KEYS_A_STEP),
        true,
      )
      // one key a command: the keys of a node lie in many slots
      await connection.attempt('reset', () => Promise.all(keys.map((key) => master.unlink(key))), true)
      cursor = next
    } while (cursor !== '0')
  }
}
