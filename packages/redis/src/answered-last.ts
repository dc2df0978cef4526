/**
 * Redis answers at the end of a turn, first whom it began to have something for last: after a script that hands something to another client that is
 * the caller. Where few processors are free, whoever was handed the job waits while the caller reads that its job is stored. One more answer,
 * asked for in the same write before the script, turns them round.
 */
import { Command, type Redis } from 'ioredis'

/** Sends the command so that its answer is written after what it hands over. Not for a cluster. */
export function sendAnsweredLast(redis: Redis, command: Command): Promise<unknown> {
  let text = ''
  const together = {
    write: (part: string) => {
      text += part
    },
  } as unknown as NodeJS.WriteStream
  const ping = new Command('ping')
  // refused or lost, it was still the first
  ping.promise.catch(() => undefined)
  redis.sendCommand(ping, together)
  const answer = redis.sendCommand(command, together) as Promise<unknown>
  // nothing where the connection is not ready: both are refused then
  if (text !== '') redis.stream.write(text)
  return answer
}
