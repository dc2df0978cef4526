import { SortedList } from '../sorted-list.ts'

/** The slots of the jobs that carry a tag (an entity, a schedule), in their order. Jobs without one cost nothing. */
export class TagIndex {
  readonly #slots: Map<string, SortedList<number>> = new Map()

  add(tag: string, slot: number): void {
    let slots = this.#slots.get(tag)
    if (slots === undefined) {
      slots = new SortedList((a, b) => a - b)
      this.#slots.set(tag, slots)
    }
    slots.add(slot)
  }

  remove(tag: string, slot: number): void {
    const slots = this.#slots.get(tag)
    if (slots?.remove(slot) && slots.size === 0) this.#slots.delete(tag)
  }

  /** From `slot`, itself included, on. */
  from(tag: string, slot: number): Iterable<number> {
    return this.#slots.get(tag)?.from(slot) ?? []
  }

  clear(): void {
    this.#slots.clear()
  }
}
