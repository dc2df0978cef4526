import { createHash } from 'node:crypto'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * Where a job lies: 16 bytes, whatever its id. A UUID in its usual form is its own key; any other id gets its hash as a UUID of version 8,
 * and ids that look like one of those are hashed too, so that no two ids share a key by more than chance (2^-122).
 */
export function jobKey(id: string): string {
  if (UUID.test(id) && id[14] !== '8') return id
  const hex = createHash('sha256').update(id).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** Whether the key does not tell the id. */
export function isHashed(key: string): boolean {
  return key[14] === '8'
}
