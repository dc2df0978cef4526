/**
 * A broken adapter: the reference model with one mistake, and the cases that must find it. The kit's own tests run every case over
 * every mutant: exactly the listed cases fail, each with its part of the message, and all others pass.
 */
import type { ModelParts } from '../model/target.ts'

export interface Mutant {
  /** In words, as an author would recognise it. */
  readonly mistake: string
  /** What stands in place of the model's own. */
  readonly parts: Partial<ModelParts>
  /** True: the mistake is in `ready` or `close`, so it can show in any case, and all are run. */
  readonly everywhere?: boolean
  /** True: the mistake is how much is looked at, so the measurements are run too. */
  readonly slow?: boolean
  /** Race cases that see it only when the race goes that way: they may fail as well as pass. */
  readonly sometimes?: readonly string[]
  /** Case id → a part of the message it must fail with; several where the moment decides which check sees it first. */
  readonly fails: Readonly<Record<string, string | readonly string[]>>
}
