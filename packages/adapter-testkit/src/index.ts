/** `@sched/adapter-testkit`: one conformance suite for every adapter. */
export * from './case.ts'
export { Check, ConformanceError } from './check.ts'
export * from './describe.ts'
export { failureText } from './failure-text.ts'
export * from './faults/proxy.ts'
export * from './faults/wrap.ts'
export { type HybridOptions, hybridTarget } from './hybrid-target.ts'
export type { Abilities, PartAbilities } from './probe.ts'
export { Random } from './random.ts'
export { allCases } from './registry.ts'
export { jsonReport } from './report/json.ts'
export { junitReport } from './report/junit.ts'
export type * from './result.ts'
export {
  breaks,
  conforms,
  type PlannedCase,
  plan,
  type RunOptions,
  type RunReport,
  run,
  type Selection,
  select,
} from './run.ts'
export { type RunCaseOptions, runCase } from './run-case.ts'
export * from './scorecard.ts'
export * from './target.ts'
