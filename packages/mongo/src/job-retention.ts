/** Count retention, looked after by the process whose settles may exceed it. */
import type { Excess } from './commands/job-settle.ts'
import { trimEnded } from './commands/job-trim.ts'
import type { JobSpace } from './job-space.ts'

export class JobRetention {
  /** Endings of a type and state since its retention was last looked after. */
  readonly #endedSince = new Map<string, number>()

  /** A bound of few is kept at once. One of many may be exceeded by a tenth: looking for what is beyond it costs more than one such job. */
  async trim(space: JobSpace, excess: Iterable<Excess>, ended: number): Promise<void> {
    const due: Excess[] = []
    for (const one of excess) {
      const key = `${one.type} ${one.state}`
      const since = (this.#endedSince.get(key) ?? 0) + ended
      const isDue = since >= one.count / 10
      this.#endedSince.set(key, isDue ? 0 : since)
      if (isDue) due.push(one)
    }
    await Promise.all(due.map((one) => trimEnded(space, one)))
  }
}
