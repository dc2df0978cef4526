import { join } from 'node:path'
import { expect, test } from 'vitest'
import { allCases } from './registry.ts'
import { caseListMarkdown } from './report/case-list.ts'

/** The ids that adapter authors, dashboards and waivers rely on. More may come; none of these goes away. */
const STABLE: Readonly<Record<string, string>> = {
  storage: `roundtrip missing-null save-replaces save-idempotent delete delete-missing ns-isolated undefined-dropped null-kept
    nan-rejected bigint-rejected function-rejected cycle-rejected date-roundtrip negzero empty-array-stays int53-exact nul-char
    lone-surrogate-rejected proto-key-inert payload-1MiB oversize-typed-error caller-mutation returned-mutation list-isolated unicode-id
    nfc-nfd-distinct case-sensitive separator-collision glob-meta sql-wildcard reserved-sentinel dollar-dot-field empty-id-rejected
    id-512B prefix-sibling list-empty filter-eq filter-in filter-range filter-null-vs-missing filter-date-by-value
    filter-eq-not-containment unknown-operator-rejected order-asc order-desc ties-by-id missing-last numeric-not-lexical limit-0
    default-order-stable offset cursor-complete cursor-under-insert cursor-under-delete count-equals-list count-filter count-after-prune
    prune-strict prune-terminal-only prune-created-at prune-missing-field-kept prune-count prune-bounded cas-ok cas-stale cas-missing
    cas-deleted insert-if-absent cas-n-writers cas-preserves-types savemany getmany-order`,
  life: `ready-idempotent ready-50-racing ping ping-down close-idempotent close-while-blocked use-after-close no-leaked-handles
    borrowed-client-stays-open reset-on-init-scope`,
  broker: `publish-claim claim-empty limit-0 limit-exact limit-negative fifo batch-result-order lifo priority-high-first
    priority-ties-fifo priority-default priority-visible-to-fifo strategy-switch-strands-none name-isolated double-publish-coalesces
    republish-earlier-wins republish-claimed-no-steal republish-claimed-no-block delay-hidden delay-due delay-joins-priority
    delay-negative delay-over-2^31 promote-once lease-exclusive expiry-redelivers expiry-no-scanner extend extend-late extend-foreign
    ack ack-double ack-unknown ack-late-harmless same-consumer-aba nack-now nack-delay nack-keeps-priority nack-back-of-band
    nack-late-harmless nack-unknown pause-empty pause-accepts-publish pause-active-finishes pause-idempotent pause-isolated
    pause-durable pause-delay-runs max-active block-publish block-due block-timeout block-abort block-pause block-close
    block-crash-no-loss has size next-due wake-hint incarnation`,
  lock: `free held reentrant-renews expire-then-acquire renew renew-expired renew-foreign release release-foreign release-missing
    owner-expired ttl-invalid key-escape n-racers-one reentrant-race token-monotonic token-survives-release token-survives-restart`,
  'job-store': `insert-idempotent insert-bad-one-isolated claim-order claim-exact-slots concurrency-cluster-wide attempt-at-claim
    settle-complete settle-retry settle-fail settle-cancel settle-stale-refused settle-and-claim heartbeat-all heartbeat-reports-lost
    heartbeat-reports-cancel heartbeat-releases-unknown dead-worker-refused recover-expired recover-crash-limit expire-at-claim
    expire-pending release-gives-attempt-back snooze at-most-once-crash repeat-after-finish settle-repeat-not-stale fence-grows
    pause-resume unique-occurrence prune-retention list-filters stats counters-survive-prune composed-equals-fused undecodable-kept`,
  'schedule-store': `never-written written-empty purged update-fallback state last-execution-unknown last-execution-grows delete-missing`,
  race: `claim-disjoint no-loss ack-vs-expiry extend-vs-expiry pause-vs-claim prune-vs-save promote-storm multi-process
    pool-exhaustion`,
  time: `node-one-hour-ahead node-one-hour-behind ttl-floor long-transaction`,
  fault: `before-send after-send slow hang reconnect kill-after-claim kill-before-ack`,
  hybrid: `before-save save-ambiguous save-before-publish publish-before-sent claim-before-write claim-ambiguous handler-dies
    side-effect-before-finish finish-ambiguous finish-before-ack retry-before-nack zombie-finish broker-flushed storage-down two-reconcilers
    reconcile-skips-active reconcile-past-one-page wiped-rebuild wiped-pause-restored broker-down colocation-false-positive trips rounds
    rounds-at-once`,
  model: `storage broker lock hybrid`,
  lin: `lock cas`,
}

test.each(Object.entries(STABLE))('%s has every stable case', (area, names) => {
  const ids = allCases.map((one) => one.id)
  const missing = names
    .split(/\s+/)
    .map((name) => `${area}/${name}`)
    .filter((id) => !ids.includes(id))
  expect(missing).toEqual([])
})

test('there are perf cases', () => {
  expect(allCases.some((one) => one.area === 'perf')).toBe(true)
})

test('ids are distinct, and every case says its rule, why it matters, and the usual mistake', () => {
  const ids = allCases.map((one) => one.id)
  expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([])
  for (const one of allCases) {
    expect(one.rule, one.id).toMatch(/^.{15,}[.:)]$/s)
    expect(one.why.length, one.id).toBeGreaterThan(15)
    // it ends the sentence "usually this means that …"
    expect(one.mistake.length, one.id).toBeGreaterThan(10)
    expect(one.mistake, one.id).not.toMatch(/\.$/)
  }
})

test('the page in the reference lists them as they are', async () => {
  const page = join(import.meta.dirname, '../../../docs/reference/testkit-cases.md')
  await expect(caseListMarkdown(allCases)).toMatchFileSnapshot(page)
})
