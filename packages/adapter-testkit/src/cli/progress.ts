/** Shows how far a run is, on stderr: one line that rewrites itself on a terminal, a line every tenth of the way elsewhere. */
import { failureText } from '../failure-text.ts'
import type { Result } from '../result.ts'
import type { RunOptions } from '../run.ts'

interface Screen {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

const CLEAR = '\r\u001b[2K'

export function progress(
  screen: Screen,
): Required<Pick<RunOptions, 'onStart' | 'onResult'>> & { end(): void } {
  let total = 0
  let done = 0
  let failed = 0
  let tenths = 0
  const told = new Map<string, string>()
  const line = (id: string): string => `${done} of ${total}${failed > 0 ? `, ${failed} failed` : ''}  ${id}`
  return {
    onStart: (planned) => {
      total = planned.length
      if (!screen.isTTY) screen.write(`${total} cases\n`)
    },
    onResult: (result: Result) => {
      done++
      if (result.status === 'fail') {
        failed++
        const message = result.failure?.message ?? ''
        const text =
          told.get(result.id) === message
            ? `${result.id} [${result.variant}] failed alike`
            : failureText(result)
        told.set(result.id, message)
        screen.write(`${screen.isTTY ? CLEAR : ''}✗ ${text}\n\n`)
      }
      if (screen.isTTY) screen.write(CLEAR + line(result.id).slice(0, (screen.columns ?? 80) - 1))
      else if (Math.floor((done * 10) / total) > tenths) {
        tenths = Math.floor((done * 10) / total)
        screen.write(`${line(result.id)}\n`)
      }
    },
    end: () => {
      if (screen.isTTY) screen.write(CLEAR)
    },
  }
}
