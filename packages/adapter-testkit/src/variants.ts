/** The shapes a case runs over: the bare adapter, core's namespace isolation, and the two kinds of job store. */

import type { Adapters } from './capabilities.ts'
import type { Area, Case, Variant } from './case.ts'

const TWICE: readonly Area[] = ['storage', 'broker', 'lock', 'model', 'race']

export function variantsOf(one: Case): readonly Variant[] {
  if (one.area === 'job-store') return ['composed', 'fused']
  return TWICE.includes(one.area) ? ['bare'] : ['bare']
}

/** Undefined when this target has no such shape. */
export function shape(adapters: Adapters, variant: Variant): Adapters {
  void variant
  return adapters
}
