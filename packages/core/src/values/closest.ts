/** Characters to add, drop, replace, or swap with the next one, to get from `a` to `b`. */
export function editDistance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? before[j - 2]! + 1 : Infinity
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1, swapped))
    }
    before = row
    row = next
  }
  return row[b.length]!
}

/** Longer than any name there is: what comes from outside must not make the comparison slow. */
const LONGEST = 64

/** The one of `known` that was probably meant by `name`: at most every third character differs. Undefined where none is near. */
export function closest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > LONGEST) return undefined
  const wanted = name.toLowerCase()
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase())
    if (distance > Math.floor(candidate.length / 3)) continue
    if (best === undefined || distance < best.distance) best = { name: candidate, distance }
  }
  return best?.name
}

/** `: did you mean "redis"?` for messages; empty where nothing is near. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const meant = closest(name, known)
  return meant === undefined ? '' : `: did you mean ${JSON.stringify(meant)}?`
}
