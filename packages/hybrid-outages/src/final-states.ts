import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { SCHEMA } from './cluster.ts'

/** A job's final state was stored. */
export interface FinalState {
  readonly id: string
  readonly type: string
  readonly state: string
  /** Why it failed. */
  readonly reason: string | null
  /** Of the claim that ended so. */
  readonly fence: number
  /** Epoch milliseconds of the server's clock, when it was written. */
  readonly at: number
}

const LOOK_MS = 100

/** A trigger on the table of records, which adds a row to a table of its own in the same transaction. */
const INSTALL = `
  create table ${SCHEMA}.final_states (
    id text not null, type text not null, state text not null, reason text, fence int8 not null, at timestamptz not null
  );
  create function ${SCHEMA}.note_final_state() returns trigger language plpgsql as $$
  begin
    insert into ${SCHEMA}.final_states values (new.value->>'id', new.value->>'type', new.value->>'state',
      new.value->>'reason', coalesce((new.value->>'fence')::int8, 0), clock_timestamp());
    return null;
  end $$;
  create trigger note_final_state after update on ${SCHEMA}.records for each row
    when (new.value ? 'payload' and new.value->>'state' not in ('pending', 'running'))
    execute function ${SCHEMA}.note_final_state();
`

/** What PostgreSQL itself saw of the ends of jobs: the truth against which the run logs are held. */
export class FinalStates {
  readonly #pool: pg.Pool

  constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url, max: 2 })
    // the server is stopped on purpose
    this.#pool.on('error', () => undefined)
  }

  /** The tables must be there. */
  async install(): Promise<void> {
    await this.#pool.query(INSTALL)
  }

  /**
   * Resolves to true when so many jobs of the type ended; to false when for `patienceMs` none more did. A server that does not answer is
   * asked again.
   */
  async reached(type: string, jobs: number, patienceMs: number): Promise<boolean> {
    let best = 0
    for (let since = performance.now(); performance.now() - since < patienceMs; await sleep(LOOK_MS)) {
      const count = await this.#count(type).catch(() => best)
      if (count >= jobs) return true
      if (count <= best) continue
      best = count
      since = performance.now()
    }
    return false
  }

  async read(): Promise<FinalState[]> {
    const { rows } = await this.#pool.query(
      `select id, type, state, reason, fence::float8, extract(epoch from at)::float8 * 1000 as at from ${SCHEMA}.final_states`,
    )
    return rows
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  async #count(type: string): Promise<number> {
    const { rows } = await this.#pool.query<{ count: number }>(
      `select count(distinct id)::int4 from ${SCHEMA}.final_states where type = $1`,
      [type],
    )
    return rows[0]?.count ?? 0
  }
}
