import type { Logger } from './logger.ts'

/** The same logger, but one that throws hurts nobody: there is no place left to tell it. */
export function safeLogger(logger: Logger): Logger {
  const guarded =
    (level: 'debug' | 'info' | 'warn' | 'error'): Logger['info'] =>
    (message, metadata) => {
      try {
        // `console` would print a second argument that is undefined.
        if (metadata === undefined) logger[level](message)
        else logger[level](message, metadata)
      } catch {
        // the user's logger is the only channel, and it is what failed
      }
    }
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') }
}
