/** What a settle or a sweep must know of a job, as the text that its document carries: only what differs from the defaults. */
import {
  DEFAULT_MAX_CRASHES,
  DEFAULT_RETENTION,
  FINAL_STATES,
  type FinalState,
  type Keep,
  type NewJob,
  REMEMBER_MS,
} from '@sched/core/adapter'

export interface JobSettings {
  readonly maxRetries: number
  readonly maxCrashes: number
  readonly once: boolean
  readonly rememberMs: number
  readonly keep: Readonly<Record<FinalState, Keep>>
}

/** `r` retries, `c` crashes, `o` at most once, `m` remember; `k` of each state: age and count, or null. */
interface SettingsText {
  readonly r?: number
  readonly c?: number
  readonly o?: 1
  readonly m?: number
  readonly k?: Readonly<Partial<Record<FinalState, readonly [number | null, number | null]>>>
}

const DEFAULTS: JobSettings = {
  maxRetries: 0,
  maxCrashes: DEFAULT_MAX_CRASHES,
  once: false,
  rememberMs: REMEMBER_MS.made,
  keep: DEFAULT_RETENTION,
}

/** Undefined: the defaults. */
export function settingsText(job: NewJob): string | undefined {
  const { maxRetries = 0, maxCrashes = DEFAULT_MAX_CRASHES, rememberMs = REMEMBER_MS.made, retention } = job
  const text: SettingsText = {
    ...(maxRetries > 0 && { r: maxRetries }),
    ...(maxCrashes !== DEFAULT_MAX_CRASHES && { c: maxCrashes }),
    ...(job.delivery === 'at-most-once' && { o: 1 }),
    ...(rememberMs !== REMEMBER_MS.made && { m: rememberMs }),
    ...(retention && { k: keepText(retention) }),
  }
  return Object.keys(text).length === 0 ? undefined : JSON.stringify(text)
}

function keepText(retention: NonNullable<NewJob['retention']>): NonNullable<SettingsText['k']> {
  const kept = FINAL_STATES.flatMap((state) => {
    const keep = retention[state]
    return keep === undefined ? [] : [[state, [keep.ageMs ?? null, keep.count ?? null]]]
  })
  return Object.fromEntries(kept)
}

/** Text that few jobs differ in is read once. */
const known = new Map<string, JobSettings>()

export function readSettings(text: string | undefined): JobSettings {
  if (text === undefined) return DEFAULTS
  let settings = known.get(text)
  if (settings === undefined) {
    settings = parse(text)
    if (known.size >= 1_000) known.clear()
    known.set(text, settings)
  }
  return settings
}

function parse(text: string): JobSettings {
  const { r, c, o, m, k = {} } = JSON.parse(text) as SettingsText
  const keepOf = (state: FinalState): Keep => {
    const keep = k[state]
    if (keep === undefined) return DEFAULT_RETENTION[state]
    const [ageMs, count] = keep
    return { ...(ageMs !== null && { ageMs }), ...(count !== null && { count }) }
  }
  return {
    maxRetries: r ?? DEFAULTS.maxRetries,
    maxCrashes: c ?? DEFAULTS.maxCrashes,
    once: o === 1,
    rememberMs: m ?? DEFAULTS.rememberMs,
    keep: { completed: keepOf('completed'), failed: keepOf('failed'), cancelled: keepOf('cancelled') },
  }
}
