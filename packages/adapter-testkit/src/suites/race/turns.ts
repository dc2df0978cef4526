import type { Context } from '../../case.ts'

/** A few turns for others, so that calls of several clients interleave in ever new ways. */
export async function turns({ random }: Context): Promise<void> {
  for (let left = random.int(0, 5); left > 0; left--) await null
}
