/** What a broker is called with: the checks, each throwing INVALID_ARGUMENT, and receipts as the statements take them. */
import {
  type BrokerStrategy,
  InvalidArgumentError,
  PRIORITY_MAX,
  PRIORITY_MIN,
  type ReceiptItem,
} from '@sched/core/adapter'

export const STRATEGIES: readonly BrokerStrategy[] = ['priority', 'fifo', 'lifo']

/** NUL is in no id. */
export function keyOf({
  id,
  receipt,
}: {
  readonly id: string
  readonly receipt?: string | null | undefined
}): string {
  return `${id}\0${receipt ?? ''}`
}

export function idsOf(items: readonly ReceiptItem[]): readonly string[] {
  return items.map(({ id }) => id)
}

export function receiptsOf(items: readonly ReceiptItem[]): readonly (string | null)[] {
  return items.map(({ receipt }) => receipt ?? null)
}

/** Without a receipt there is nothing that could be gone; one that is named twice proves its lease once. */
export function answersOf(items: readonly ReceiptItem[], done: ReadonlySet<string>): boolean[] {
  const left = new Set(done)
  return items.map(({ id, receipt }) => receipt === undefined || left.delete(keyOf({ id, receipt })))
}

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
