/** The collections, and the keys that keep prefixes apart in them. All prefixes share the same collections. */

/** `records`: storage. `entries`, `queues`: broker. `locks`: locks. `signals`, `latest`: wakes. `meta`: what a prefix has once. The others are the job store's. */
export type CollectionName =
  | 'records'
  | 'entries'
  | 'queues'
  | 'locks'
  | 'signals'
  | 'latest'
  | 'meta'
  | `job_${string}`

/** A key under a prefix, as text. The prefix' length goes in front, so that no prefix and no key reaches into another one. */
export function keyUnder(prefix: string, key: string): string {
  return `${startOf(prefix)}${key}`
}

/** Everything that {@link keyUnder} makes for this prefix: at least the first, less than the second. */
export function rangeOf(prefix: string): readonly [from: string, below: string] {
  const start = startOf(prefix)
  return [start, `${start.slice(0, -1)};`]
}

function startOf(prefix: string): string {
  return `${Buffer.byteLength(prefix)}:${prefix}:`
}
