import { ModelJobStore } from '../model/job-store.ts'
import type { Mutant } from './mutant.ts'

export function jobStore(make: (base: typeof ModelJobStore) => typeof ModelJobStore): Mutant['parts'] {
  const Broken = make(ModelJobStore)
  return { jobStore: (node) => new Broken(node) }
}
