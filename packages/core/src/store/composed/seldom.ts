import type { Logger } from '../../telemetry/logger.ts'
import type { Clock } from '../../values/clock.ts'

/** How often one and the same warning is said. */
const EVERY_MS = 60_000

/**
 * The logger, whose warnings with one text are passed on at most once a minute, the first at once; `times` says for how many a later one
 * stands. A server that is gone would otherwise be told of with every batch. The texts must come from a small set.
 */
export function seldom(logger: Logger, clock: Pick<Clock, 'monotonic'>): Logger {
  const said = new Map<string, { at: number; unsaid: number }>()
  return {
    debug: (message, metadata) => logger.debug(message, metadata),
    info: (message, metadata) => logger.info(message, metadata),
    error: (message, metadata) => logger.error(message, metadata),
    warn(message, metadata) {
      const now = clock.monotonic()
      const before = said.get(message)
      if (before && now - before.at < EVERY_MS) {
        before.unsaid++
        return
      }
      said.set(message, { at: now, unsaid: 0 })
      const times = 1 + (before?.unsaid ?? 0)
      logger.warn(message, times === 1 ? metadata : { ...metadata, times })
    },
  }
}
