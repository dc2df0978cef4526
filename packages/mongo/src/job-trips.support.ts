/** What a client sends, and how much of it one after another. */
import type { CommandStartedEvent, Document, MongoClient } from 'mongodb'

export interface Trips {
  /** The longest row of commands of which each began when the one before had been answered. */
  readonly inRow: number
  readonly commands: readonly Document[]
}

const WAKES = new Set<unknown>(['sched_signals', 'sched_latest'])

/** The client must have been made with `monitorCommands`. Wakes are nobody's wait, and not counted. */
export async function tripsOf(client: MongoClient, work: () => Promise<unknown>): Promise<Trips> {
  const under = new Map<number, number>()
  const commands: Document[] = []
  let inRow = 0
  const started = ({ requestId, command }: CommandStartedEvent): void => {
    if (Object.values(command).some((value) => WAKES.has(value)) || command.hello) return
    commands.push(command)
    under.set(requestId, inRow + 1)
  }
  const ended = ({ requestId }: { readonly requestId: number }): void => {
    inRow = Math.max(inRow, under.get(requestId) ?? 0)
  }
  client.on('commandStarted', started).on('commandSucceeded', ended).on('commandFailed', ended)
  try {
    await work()
  } finally {
    client.off('commandStarted', started).off('commandSucceeded', ended).off('commandFailed', ended)
  }
  return { inRow, commands }
}
