import { createHash } from 'node:crypto'
import { Binary } from 'mongodb'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const BYTES = 20
const VERSION_AT = 10

/**
 * Where a job lies: the number of its scope and 16 bytes, whatever its id. A UUID in its usual form is its own 16 bytes; any other id
 * gets its hash as a UUID of version 8, and ids that look like one of those are hashed too, so that no two ids share a key by more than
 * chance (2^-122). All keys are of one length, so those of a scope lie together.
 */
export function jobKey(scope: number, id: string): Binary {
  const bytes = Buffer.allocUnsafe(BYTES)
  bytes.writeUInt32BE(scope, 0)
  if (isOwnKey(id)) {
    bytes.write(id.replaceAll('-', ''), 4, 'hex')
  } else {
    createHash('sha256').update(id).digest().copy(bytes, 4, 0, 16)
    bytes[VERSION_AT] = 0x80 | ((bytes[VERSION_AT] as number) & 0x0f)
  }
  return new Binary(bytes)
}

/** Whether the key tells the id. */
export function isOwnKey(id: string): boolean {
  return id.length === 36 && id[14] !== '8' && UUID.test(id)
}

/** The id that a key tells. */
export function idOfKey(key: Binary): string {
  const hex = Buffer.from(key.buffer).toString('hex', 4, BYTES)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** A key as text: of a map, and of a page. */
export function keyText(key: Binary): string {
  return Buffer.from(key.buffer).toString('hex', 4, BYTES)
}

/** The key of a page's text; undefined for a text that is none. */
export function keyOfText(scope: number, text: string): Binary | undefined {
  if (!/^[0-9a-f]{32}$/.test(text)) return undefined
  const bytes = Buffer.allocUnsafe(BYTES)
  bytes.writeUInt32BE(scope, 0)
  bytes.write(text, 4, 'hex')
  return new Binary(bytes)
}

/** Every key of a scope lies from the first to the second. */
export function keysOf(scope: number): readonly [from: Binary, to: Binary] {
  const from = Buffer.alloc(BYTES, 0x00)
  const to = Buffer.alloc(BYTES, 0xff)
  from.writeUInt32BE(scope, 0)
  to.writeUInt32BE(scope, 0)
  return [new Binary(from), new Binary(to)]
}
