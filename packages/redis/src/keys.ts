/**
 * The only file that names keys. Every key begins with a hash tag in braces, so that the keys one script touches share a slot on
 * Redis Cluster:
 *
 *   {prefix:s:namespace}…   one storage namespace          {prefix:b:scope}…    the queues of one broker scope
 *   {prefix:l:key}          one lock                       {prefix:j:scope}…    the fused job store of one scope
 *   {prefix:m}…             the server's incarnation, the start-up probe
 *
 * The parts are escaped, so that they never meet: `a:b` + `c` and `a` + `b:c` are different keys, and no name leaves its braces.
 */

function escapePart(part: string): string {
  return part.replace(
    /[%:{}]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}

function tag(prefix: string, kind: string, part: string): string {
  return `{${escapePart(prefix)}:${kind}:${escapePart(part)}}`
}

/** Matches every key of the prefix and nothing else, for SCAN. */
export function everyKeyOf(prefix: string): string {
  return `{${escapePart(prefix).replace(/[*?[\]\\^]/g, '\\$&')}:*`
}

export function storageBase(prefix: string, namespace: string): string {
  return tag(prefix, 's', namespace)
}

export function lockKey(prefix: string, key: string): string {
  return tag(prefix, 'l', key)
}

/** There while that owner's lease is live. */
export function lockLeaseKey(prefix: string, key: string, ownerId: string): string {
  return `${lockKey(prefix, key)}:${ownerId}`
}

export function jobBase(prefix: string, scope: string): string {
  return tag(prefix, 'j', scope)
}

export function metaKey(prefix: string, name: 'incarnation' | 'probe'): string {
  return `{${escapePart(prefix)}:m}${name}`
}

/** The hash tag that the queues of one scope share: what comes before the third colon, or the whole name where there are fewer. */
export function brokerBase(prefix: string, name: string): string {
  const parts = name.split(':')
  return tag(prefix, 'b', parts.length > 3 ? parts.slice(0, 3).join(':') : name)
}

/** The base of one queue's keys. */
export function queueBase(prefix: string, name: string): string {
  return `${brokerBase(prefix, name)}q:${escapePart(name)}:`
}

/** The list that those block on who wait for one queue or job type, and the sorted set of those who wait. `base`: of the scope. */
export function wakeKey(base: string, name: string): string {
  return `${base}${WAKE_KEYS.WAKES}${escapePart(name)}`
}

export function hubsKey(base: string): string {
  return base + WAKE_KEYS.HUBS
}

/** The list by which one hub makes its own blocking pop return. */
export function nudgeKey(base: string, hub: string): string {
  return `${base}${WAKE_KEYS.NUDGE}${hub}`
}

/** The channel on which one process is handed jobs. */
export function handOverChannel(base: string, hub: string): string {
  return `${base}hand:${hub}`
}

/** Where the waiting are told to look: one list a queue or type, and the hubs that wait on them. */
export const WAKE_KEYS = { WAKES: 'wake:', HUBS: 'hubs', NUDGE: 'nudge:' } as const

/** One storage namespace, behind its base. */
export const STORAGE_KEYS = {
  /** Hash: id → `rev;pruneAt;value`. */
  VALUES: 'v',
  /** Sorted set, all scores 0: the ids in byte order. */
  IDS: 'i',
  /** Sorted set: id by the instant `prune` goes by. */
  PRUNE: 'p',
} as const

/** One queue, behind its base. */
export const QUEUE_KEYS = {
  /** Hash: id → `priority,due,seq,deliveries`. */
  ENTRIES: 'e',
  /** Sorted set of waiting members by (priority, due). */
  BY_PRIORITY: 'p',
  /** Sorted set of the same members by due. */
  BY_DUE: 'f',
  /** Sorted set of delayed members by due. */
  DELAYED: 'd',
  /** Sorted set of leased ids by the end of the lease. */
  LEASED: 'l',
  /** Hash: leased id → `receipt consumer`. */
  RECEIPTS: 'r',
  /** There while the queue is paused. */
  PAUSED: 'x',
  /** There while somebody was refused by `maxActive`. */
  LIMITED: 'm',
  /** The last number given out: the publisher's order, and receipts. */
  SEQUENCE: 'n',
  /** Hash: consumer whose claim is open → number of the claim, lease in ms, channel. */
  OPEN: 'o',
  /** String per consumer, as long as the lease: number, receipt and id of what its open claim was handed last. */
  HANDED: 'h:',
} as const

/** One fused job store, behind its base. docs/adapters/redis.md describes the layout. */
export const JOB_KEYS = {
  /** Hash: id → the static record. */
  BODIES: 'b',
  /** Hash: id → attempts so far, failures, crashes, due, …: only of jobs that came back, or were moved. */
  CHANGES: 'x',
  /** Hash: id → how it ended: of finished jobs that are kept. */
  ENDINGS: 'f',
  /** List per priority and type: due + id, in due order. */
  READY: 'r:',
  /**
   * Hash: type → the priorities whose list is not empty, highest first. Other fields are marks: '' while something is delayed, NUL + 'p'
   * while a type is paused, NUL + 'n' (until when) while ids are not taken for new, NUL + 't' + type: the worker that waited for it last.
   */
  PRIORITIES: 'np',
  /** Sorted set: sequence + priority + id + type, by due. */
  DELAYED: 'z',
  /** Sorted set: pending ids that expire, by when. */
  EXPIRY: 'e',
  /** Hash per worker: id → fence + due + the head of its record. */
  HELD: 'h:',
  /** Sorted set: living workers by the end of their lease. */
  WORKERS: 'w',
  /** Sorted set: dead workers by when they were declared dead. */
  DEAD: 'wd',
  /** Hash: worker → what it says about itself. */
  INFO: 'wi',
  /** Hash: what is known of claims that stay open, the last fence, how many jobs of a type run; set per type: workers whose open claims take it. */
  CLAIMS: 'o',
  TAKERS: 'o:',
  /** Hash: list → how far it was looked through for entries left behind. */
  CLEANED: 'g',
  /** Hash: running id → why its cancellation was asked for. */
  CANCEL: 'cx',
  /** Hash of counters: letter + type. */
  COUNTS: 'c',
  /** Hash: paused types. */
  PAUSED: 'pz',
  /** Hash: types of which somebody was refused a place. */
  LIMITED: 'lm',
  /** Sorted set per state and type: kept finished ids by when their age ends. */
  KEPT: 'k:',
  /** Set of the state + type that have such a set. */
  KEPT_NAMES: 'kn',
  /** Hash per time bucket: prints of the ids that are remembered. */
  REMEMBERED: 'm:',
  /** Sorted set of those buckets by their end. */
  BUCKETS: 'mb',
  /** String per caller: the answer of its last insert, for a while. */
  CALLS: 'a:',
  /** The last sequence number of a delayed job. */
  SEQUENCE: 's',
} as const

/** Lua locals for what `source` uses: `K_NAME`, the key behind the base in KEYS[1], and `S_NAME`, its suffix alone. */
export function keysInLua(source: string, keys: Readonly<Record<string, string>>): string {
  const uses = (local: string): boolean => new RegExp(`\\b${local}\\b`).test(source)
  return Object.entries(keys)
    .flatMap(([name, suffix]) => [
      uses(`K_${name}`) ? `local K_${name} = KEYS[1] .. '${suffix}'\n` : '',
      uses(`S_${name}`) ? `local S_${name} = '${suffix}'\n` : '',
    ])
    .join('')
}

/** The source with each `K_NAME` as what it stands for, put together where it is used; `base` is the base in KEYS[1]. For scripts that use few. */
export function withKeysInPlace(source: string, keys: Readonly<Record<string, string>>): string {
  const inPlace = source.replace(/\bK_(\w+)\b/g, (local, name: string) => {
    const suffix = keys[name]
    if (suffix === undefined) throw new Error(`no key is called ${local}`)
    return `base .. '${suffix}'`
  })
  return `local base = KEYS[1]\n${inPlace}`
}
