export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** Where the scheduler tells what it does. A logger that throws never hurts a job. */
export interface Logger {
  debug(message: string, metadata?: Readonly<Record<string, unknown>>): void
  info(message: string, metadata?: Readonly<Record<string, unknown>>): void
  warn(message: string, metadata?: Readonly<Record<string, unknown>>): void
  error(message: string, metadata?: Readonly<Record<string, unknown>>): void
}

/** The default: says nothing. */
export class EmptyLogger implements Logger {
  debug(): void {}
  info(): void {}
  warn(): void {}
  error(): void {}
}
