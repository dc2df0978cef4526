/** How long each of `times` calls takes, one after the other, in ms. */
export async function milliseconds(times: number, call: (n: number) => Promise<unknown>): Promise<number[]> {
  const took: number[] = []
  for (let n = 0; n < times; n++) {
    const start = performance.now()
    await call(n)
    took.push(performance.now() - start)
  }
  return took
}

function quantile(took: readonly number[], q: number): number {
  const sorted = took.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
}

export function p50(took: readonly number[]): number {
  return quantile(took, 0.5)
}

function p99(took: readonly number[]): number {
  return quantile(took, 0.99)
}

/** `12,345/s, p50 0.08 ms, p99 0.31 ms`. */
export function rate(took: readonly number[]): string {
  const seconds = took.reduce((sum, ms) => sum + ms, 0) / 1000
  const perSecond = Math.round(took.length / Math.max(seconds, 1e-6)).toLocaleString('en')
  return `${perSecond}/s, p50 ${p50(took).toFixed(3)} ms, p99 ${p99(took).toFixed(3)} ms`
}
