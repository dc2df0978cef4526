/** How a failure is told: what rule was broken, why it matters, what happened, and how to see it again. */
import type { Result } from './result.ts'

const WIDTH = 12

/** Several lines, without colours. */
export function failureText(result: Result): string {
  const { failure } = result
  const lines = [
    `${result.id} [${result.variant}] failed (${result.level})`,
    field('rule', result.rule),
    field('why', result.why),
  ]
  if (failure?.expected !== undefined && failure.seen !== undefined)
    lines.push(field('expected', failure.expected), field('saw', failure.seen))
  else lines.push(field('saw', failure?.message ?? 'nothing'))
  // an error nobody expected has its own words
  if (failure?.stack === undefined) lines.push(field('usually', `this means that ${result.mistake}`))
  if (failure && failure.history.length > 0)
    lines.push(
      field('history', 'calls of node A, B, … in the order they began'),
      ...failure.history.map((line) => `    ${line}`),
    )
  if (failure?.stack !== undefined) lines.push(...ownFrames(failure.stack).map((line) => `    ${line}`))
  lines.push(field('seed', String(result.seed)), field('replay', result.replay))
  return lines.join('\n')
}

function field(name: string, text: string): string {
  return `  ${name.padEnd(WIDTH - 2)}${text}`
}

/** Without the frames of the kit and of Node: what is left is the adapter's. */
function ownFrames(stack: string): string[] {
  return stack
    .split('\n')
    .filter((line) => !/^\s+at /.test(line) || !/adapter-testkit\/(dist|src)\/|node:internal/.test(line))
}
