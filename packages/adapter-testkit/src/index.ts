/** `@sched/adapter-testkit`: one conformance suite for every adapter. */
export * from './case.ts'
export { Check, ConformanceError } from './check.ts'
export { Random } from './random.ts'
export { allCases } from './registry.ts'
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
export * from './target.ts'
