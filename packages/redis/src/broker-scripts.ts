import { keysInLua, QUEUE_KEYS, WAKE_KEYS } from './keys.ts'
import ackText from './lua/broker/ack.lua'
import claimText from './lua/broker/claim.lua'
import extendText from './lua/broker/extend.lua'
import hasText from './lua/broker/has.lua'
import isPausedText from './lua/broker/is-paused.lua'
import listenText from './lua/broker/listen.lua'
import nackText from './lua/broker/nack.lua'
import nextDueText from './lua/broker/next-due.lua'
import pauseText from './lua/broker/pause.lua'
import publishText from './lua/broker/publish.lua'
import queueText from './lua/broker/queue.lua'
import removeText from './lua/broker/remove.lua'
import sizeText from './lua/broker/size.lua'
import clockText from './lua/clock.lua'
import incarnationText from './lua/server/incarnation.lua'
import wakeText from './lua/wake.lua'
import { REPEATABLE, type Script, script } from './scripts.ts'

export type BrokerScript =
  | 'publish'
  | 'claim'
  | 'ack'
  | 'nack'
  | 'extend'
  | 'remove'
  | 'pause'
  | 'size'
  | 'nextDue'
  | 'isPaused'
  | 'has'
  | 'listen'
  | 'incarnation'

export const BROKER_SCRIPTS: Readonly<Record<BrokerScript, Script>> = {
  publish: onQueue('publish', publishText),
  claim: onQueue('claim', claimText),
  ack: onQueue('ack', ackText),
  nack: onQueue('nack', nackText),
  extend: onQueue('extend', extendText, REPEATABLE),
  remove: onQueue('remove', removeText),
  pause: onQueue('pause', pauseText),
  size: onQueue('size', sizeText, REPEATABLE),
  nextDue: onQueue('nextDueIn', nextDueText, REPEATABLE),
  isPaused: alone('isPaused', isPausedText),
  has: alone('has', hasText),
  listen: script(
    'broker subscribe',
    [keysInLua(listenText, { ...QUEUE_KEYS, ...WAKE_KEYS }), clockText, listenText],
    REPEATABLE,
  ),
  incarnation: script('broker incarnation', [incarnationText], REPEATABLE),
}

function onQueue(name: string, text: string, options = {}): Script {
  return script(
    `broker ${name}`,
    [keysInLua(queueText + text, QUEUE_KEYS), clockText, wakeText, queueText, text],
    options,
  )
}

/** For what needs neither the time nor the helpers. */
function alone(name: string, text: string): Script {
  return script(`broker ${name}`, [keysInLua(text, QUEUE_KEYS), text], REPEATABLE)
}
