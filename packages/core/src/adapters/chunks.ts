/** `items` in order, at most `size` at a time. */
export function* inChunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  if (items.length <= size) {
    if (items.length > 0) yield items
    return
  }
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}
