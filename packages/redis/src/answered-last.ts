/**
 * Redis answers at the end of a turn, first whom it began to have something for last: after a script that hands something to another client that is
 * the caller. Where few processors are free, whoever was handed the job waits while the caller reads that its job is stored. One more answer,
 * asked for in the same write before the script, turns them round.
 */
import type { Command, Redis } from 'ioredis'
import { bareCommand, type Receiver } from './bare-command.ts'

/** Refused or lost, it was still the first. */
const NOBODY: Receiver = { resolve: () => undefined, reject: () => undefined }

/** Sends the command so that its answer is written after what it hands over. Not for a cluster. */
export function sendAnsweredLast(redis: Redis, command: Command): void {
  let text = ''
  const together = {
    write: (part: string) => {
      text += part
    },
  } as unknown as NodeJS.WriteStream
  void redis.sendCommand(bareCommand('ping', [], NOBODY), together)
  void redis.sendCommand(command, together)
  // nothing where the connection is not ready: both are refused then
  if (text !== '') redis.stream.write(text)
}
