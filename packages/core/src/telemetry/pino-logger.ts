import { createRequire } from 'node:module'
import { UnsupportedError } from '../errors/sched-error.ts'
import type { Logger, LogLevel } from './logger.ts'

/** What a {@link PinoLogger} needs of a pino instance. */
export type PinoLike = Readonly<Record<LogLevel, (metadata: object, message: string) => void>>

/**
 * Writes to pino. Without an instance of your own it makes one with pino's defaults; pino is not a dependency of sched, so it must be
 * installed for that. Throws UNSUPPORTED when it is not.
 */
export class PinoLogger implements Logger {
  readonly #pino: PinoLike

  constructor(pino: PinoLike = loadPino()) {
    this.#pino = pino
  }

  debug(message: string, metadata?: Readonly<Record<string, unknown>>): void {
    this.#write('debug', message, metadata)
  }

  info(message: string, metadata?: Readonly<Record<string, unknown>>): void {
    this.#write('info', message, metadata)
  }

  warn(message: string, metadata?: Readonly<Record<string, unknown>>): void {
    this.#write('warn', message, metadata)
  }

  error(message: string, metadata?: Readonly<Record<string, unknown>>): void {
    this.#write('error', message, metadata)
  }

  /** pino prints an error's stack only under the key `err`. */
  #write(level: LogLevel, message: string, { error, ...rest }: Readonly<Record<string, unknown>> = {}): void {
    this.#pino[level](error === undefined ? rest : { ...rest, err: error }, message)
  }
}

function loadPino(): PinoLike {
  for (const base of [import.meta.url, `${process.cwd()}/`]) {
    try {
      return (createRequire(base)('pino') as () => PinoLike)()
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  throw new UnsupportedError(
    'new PinoLogger() needs the package pino: npm install pino, or pass an instance: new PinoLogger(pino())',
  )
}
