/** The checks of what a broker is called with. Each throws INVALID_ARGUMENT, naming the argument and what it accepts. */
import { type BrokerStrategy, InvalidArgumentError, PRIORITY_MAX, PRIORITY_MIN } from '@sched/core/adapter'

export const STRATEGIES: readonly BrokerStrategy[] = ['priority', 'fifo', 'lifo']

export function checkStrategy(strategy: BrokerStrategy): void {
  if (STRATEGIES.includes(strategy)) return
  throw new InvalidArgumentError(`strategy must be one of ${STRATEGIES.join(', ')}, not ${String(strategy)}`)
}

export function checkPositive(value: number, what: string): void {
  if (Number.isSafeInteger(value) && value > 0) return
  throw new InvalidArgumentError(`${what} must be a positive integer, not ${value}`)
}

export function checkDelay(delayMs: number): void {
  if (Number.isFinite(delayMs) && delayMs >= 0) return
  throw new InvalidArgumentError(`delayMs must be 0 or more milliseconds, not ${delayMs}`)
}

export function checkPriority(priority: number): void {
  if (Number.isInteger(priority) && priority >= PRIORITY_MIN && priority <= PRIORITY_MAX) return
  throw new InvalidArgumentError(
    `priority must be an integer from ${PRIORITY_MIN} to ${PRIORITY_MAX}, not ${priority}`,
  )
}
