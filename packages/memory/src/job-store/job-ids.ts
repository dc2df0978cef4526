import { hashOf, IdIndex } from './id-index.ts'
import { RememberedIds } from './remembered-ids.ts'

/** Every id that is in use or remembered: of a job, its slot is found; of one that is gone, whether it still is known. */
export class JobIds {
  /** An id's number is its job's slot, or −1 − its place among the remembered. */
  readonly #index: IdIndex
  readonly #maxRemembered: number
  #remembered: RememberedIds

  constructor(maxRemembered: number, idOfSlot: (slot: number) => string) {
    this.#maxRemembered = maxRemembered
    this.#remembered = this.#noneRemembered()
    this.#index = new IdIndex((number) =>
      number >= 0 ? idOfSlot(number) : this.#remembered.idAt(-1 - number),
    )
  }

  /** The slot of the job with that id; −1: no such job, though the id may be remembered. */
  slotOf(id: string): number {
    const number = this.#index.get(id, hashOf(id))
    return number === undefined || number < 0 ? -1 : number
  }

  /** A job of that id is there, or was and is remembered. `hash`: {@link hashOf} of the id. */
  isKnown(id: string, hash: number, now: number): boolean {
    const number = this.#index.get(id, hash)
    return number !== undefined && (number >= 0 || this.#remembered.isLive(-1 - number, now))
  }

  add(id: string, hash: number, slot: number): void {
    this.#index.set(id, hash, slot)
  }

  /** The job is gone, and its id known no longer. */
  forget(hash: number, slot: number): void {
    this.#index.delete(hash, slot)
  }

  /** The job is gone; its id stays known until `until`, epoch ms, which is the end of its `rememberMs`. */
  remember(
    id: string,
    hash: number,
    slot: number,
    { now, until, rememberMs }: { now: number; until: number; rememberMs: number },
  ): void {
    this.#index.renumber(hash, slot, -1 - this.#remembered.add(id, hash, until, rememberMs))
    this.#remembered.drop(now)
  }

  /** Drops up to `limit` remembered ids whose time is over; gives how many it dropped. */
  dropRemembered(now: number, limit: number): number {
    return this.#remembered.drop(now, limit)
  }

  clear(): void {
    this.#index.clear()
    this.#remembered = this.#noneRemembered()
  }

  #noneRemembered(): RememberedIds {
    return new RememberedIds(this.#maxRemembered, (hash, place) => this.#index.delete(hash, -1 - place))
  }
}
