import type { ClaimType } from '../contracts/job-store.ts'
import type { Registry } from './registry.ts'

/** At least so often nothing is claimed ahead, so that a slot comes free for the types with a limit. */
const LIMITED_EVERY_MS = 500

/**
 * Which types a claim asks for. Those with a limit are never claimed ahead, because they would hold a place of the whole cluster's without
 * using it: they share the free slots, and where there are fewer slots than types, the types take turns.
 */
export class ClaimTypes {
  readonly #registry: Registry
  /** Monotonic milliseconds: when types with a limit could last be claimed. */
  #limitedAt = Number.NEGATIVE_INFINITY
  #turn = 0

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** While jobs are claimed ahead no slot is ever free: now and then they must not be, so that types with a limit get their turn. */
  limitedAreDue(now: number): boolean {
    return this.#registry.limited.length > 0 && now - this.#limitedAt >= LIMITED_EVERY_MS
  }

  /** `free`: slots that nothing claimed will take. */
  forClaim(free: number, now: number): readonly ClaimType[] {
    const { unlimited, limited } = this.#registry
    if (limited.length === 0 || free < 1) return unlimited
    this.#limitedAt = now
    const count = Math.min(free, limited.length)
    const share = Math.floor(free / count)
    const first = this.#turn
    this.#turn = (first + count) % limited.length
    const types: ClaimType[] = [...unlimited]
    for (let i = 0; i < count; i++) {
      const { type, maxActive } = limited[(first + i) % limited.length]!
      types.push({ type, maxActive, limit: Math.min(share, maxActive) })
    }
    return types
  }
}
