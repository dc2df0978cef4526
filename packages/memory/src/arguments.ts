/** The checks of arguments that every contract shares. Each names the argument and what it accepts; each throws INVALID_ARGUMENT. */
import { type BrokerStrategy, InvalidArgumentError, PRIORITY_MAX, PRIORITY_MIN } from '@sched/core/adapter'

/** A number of milliseconds, 0 or more. */
export function checkDuration(value: unknown, what: string): asserts value is number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError(
      `${what} must be a number of milliseconds, 0 or more, not ${String(value)}`,
    )
  }
}

/** A whole number of milliseconds, 1 or more: how long a lease lasts. */
export function checkLease(value: unknown, what: string): asserts value is number {
  if (!Number.isSafeInteger(value) || (value as number) <= 0) {
    throw new InvalidArgumentError(`${what} must be a positive integer of milliseconds, not ${String(value)}`)
  }
}

/** An instant in epoch milliseconds. */
export function checkInstant(value: unknown, what: string): asserts value is number {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new InvalidArgumentError(`${what} must be an instant in epoch milliseconds, not ${String(value)}`)
  }
}

/** A non-negative integer. */
export function checkCount(
  value: unknown,
  what: string,
  max: number = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > max) {
    throw new InvalidArgumentError(`${what} must be an integer from 0 to ${max}, not ${String(value)}`)
  }
}

/** A positive integer. */
export function checkPositive(value: unknown, what: string): asserts value is number {
  if (!Number.isSafeInteger(value) || (value as number) <= 0) {
    throw new InvalidArgumentError(`${what} must be a positive integer, not ${String(value)}`)
  }
}

export function checkPriority(value: unknown): asserts value is number {
  if (!Number.isInteger(value) || (value as number) < PRIORITY_MIN || (value as number) > PRIORITY_MAX) {
    throw new InvalidArgumentError(
      `priority must be an integer from ${PRIORITY_MIN} to ${PRIORITY_MAX}, not ${String(value)}`,
    )
  }
}

export const STRATEGIES: readonly BrokerStrategy[] = ['priority', 'fifo', 'lifo']

export function checkStrategy(value: unknown): asserts value is BrokerStrategy {
  if (!STRATEGIES.includes(value as BrokerStrategy)) {
    throw new InvalidArgumentError(`strategy must be one of ${STRATEGIES.join(', ')}, not ${String(value)}`)
  }
}
