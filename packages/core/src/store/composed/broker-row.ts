import type { Versioned } from './job-row.ts'

export const BROKER_ROW = 'broker'

/** What is known of the broker by everybody who reconciles. */
export interface BrokerRow extends Versioned {
  readonly id: typeof BROKER_ROW
  /** The broker's incarnation as of the last rebuild that ended. */
  readonly incarnation: string
  /** Never pruned. */
  readonly finishedAt: null
}
