import { Line } from './line.ts'

/** What waits at one priority, due or not, by (due, ticket). */
export interface Level {
  readonly priority: number
  readonly line: Line
}

/**
 * What waits for a claim: one {@link Line} a priority, the highest first. Due and future entries share a line: whatever is due stands
 * at its front, so a delayed id joins its priority by the passing of time alone.
 */
export class ReadyQueue {
  /** Highest priority first; at most 41. */
  readonly #levels: Level[] = []
  #size = 0

  /** Everything that waits, due or not. */
  get size(): number {
    return this.#size
  }

  add(priority: number, dueAt: number, ticket: number, slot: number): void {
    this.#levelOf(priority).line.add(dueAt, ticket, slot)
    this.#size++
  }

  remove(priority: number, dueAt: number, ticket: number): boolean {
    const removed = this.#levelOf(priority).line.remove(dueAt, ticket)
    if (removed) this.#size--
    return removed
  }

  /** The level whose first entry goes next by (priority, due, ticket); undefined when nothing is due. */
  next(now: number): Level | undefined {
    const levels = this.#levels
    for (let i = 0; i < levels.length; i++) if (levels[i]!.line.headAt <= now) return levels[i]
    return undefined
  }

  /** The level whose first entry goes next by (due, ticket) alone. */
  oldest(now: number): Level | undefined {
    let best: Level | undefined
    for (const level of this.#levels) {
      if (level.line.headAt > now) continue
      if (best === undefined || isBefore(level.line, best.line)) best = level
    }
    return best
  }

  /** Takes the first entry of a level that {@link next} or {@link oldest} gave. */
  take(level: Level): number {
    this.#size--
    return level.line.shift()
  }

  /** Takes the entry that came due last, whatever its priority; −1 when nothing is due. */
  takeNewest(now: number): number {
    let from: Level | undefined
    let best: ReturnType<Line['lastUntil']>
    for (const level of this.#levels) {
      const last = level.line.lastUntil(now)
      if (last === undefined) continue
      if (best === undefined || last.at > best.at || (last.at === best.at && last.ticket > best.ticket)) {
        best = last
        from = level
      }
    }
    if (best === undefined || from === undefined) return -1
    from.line.remove(best.at, best.ticket)
    this.#size--
    return best.slot
  }

  /** The first due instant later than `at`; Infinity when there is none. */
  nextAfter(at: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const { line } of this.#levels)
      next = Math.min(next, line.headAt > at ? line.headAt : line.nextAfter(at))
    return next
  }

  /** How many are due. */
  countDue(now: number): number {
    return this.#levels.reduce((sum, level) => sum + level.line.countUntil(now), 0)
  }

  #levelOf(priority: number): Level {
    const levels = this.#levels
    let index = 0
    while (index < levels.length && levels[index]!.priority > priority) index++
    const found = levels[index]
    if (found !== undefined && found.priority === priority) return found
    const level = { priority, line: new Line() }
    levels.splice(index, 0, level)
    return level
  }
}

function isBefore(a: Line, b: Line): boolean {
  return a.headAt < b.headAt || (a.headAt === b.headAt && a.headTicket < b.headTicket)
}
