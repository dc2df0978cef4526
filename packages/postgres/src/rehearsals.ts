/**
 * A new connection compiles each function and plans each statement in it at the first call, which takes 3 to 15 ms. So that no job waits for
 * that, what a process is going to call is called once before, and rolled back: on the connection at hand when it is clear what that will
 * be, and on each that comes later right after its first call, one connection after another. It is nobody's turn then, and where somebody
 * waits it is put off.
 */
import type { PoolClient } from 'pg'

export class Rehearsals {
  readonly #scripts: string[] = []
  /** How many of them each connection has seen. */
  readonly #seen = new WeakMap<object, number>()
  #underWay = false

  /** Whether it is new. `script`: a transaction that is rolled back. */
  add(script: string): boolean {
    if (this.#scripts.includes(script)) return false
    this.#scripts.push(script)
    return true
  }

  /** One at a time: a burst that opens connections has other things to wait for. */
  get underWay(): boolean {
    return this.#underWay
  }

  isDue(client: PoolClient): boolean {
    const connection = connectionOf(client)
    return connection !== undefined && this.#seenBy(connection) < this.#scripts.length
  }

  async run(client: PoolClient): Promise<void> {
    const connection = connectionOf(client)
    if (connection === undefined) return
    this.#underWay = true
    try {
      for (;;) {
        const seen = this.#seenBy(connection)
        const script = this.#scripts[seen]
        if (script === undefined) return
        // what fails once is not tried again
        this.#seen.set(connection, seen + 1)
        await once(client, script)
      }
    } finally {
      this.#underWay = false
    }
  }

  #seenBy(connection: object): number {
    return this.#seen.get(connection) ?? 0
  }
}

async function once(client: PoolClient, script: string): Promise<void> {
  try {
    await client.query(script)
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

/** A pool of the user's may wrap a client anew each time it gives it. */
function connectionOf(client: PoolClient): object | undefined {
  return (client as unknown as { connection?: object }).connection
}
