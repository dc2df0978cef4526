import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const LIMIT_MS = 60_000
const PAUSE_MS = 20

/** Asks until a server on this machine accepts connections and `probe` resolves; no longer than it `lives`, nor than a minute. */
export async function untilAnswers<T>(
  port: number,
  lives: () => boolean,
  probe: () => Promise<T>,
): Promise<T> {
  const deadline = Date.now() + LIMIT_MS
  for (;;) {
    try {
      // Cheaper than a driver's own attempts, which wait long between two of them.
      await reach(port)
      return await probe()
    } catch (error) {
      if (!lives() || Date.now() > deadline) throw error
      await delay(PAUSE_MS)
    }
  }
}

async function reach(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
  } finally {
    socket.destroy()
  }
}
