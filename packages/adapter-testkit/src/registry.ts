/** Every case of the kit, in the order it is listed and run. A suite joins by its line here. */
import type { Case } from './case.ts'
import { batchCases, compareAndSetCases } from './suites/storage/compare-and-set.ts'
import { filterCases } from './suites/storage/filters.ts'
import { nameCases } from './suites/storage/names.ts'
import { orderCases } from './suites/storage/order.ts'
import { pagingCases } from './suites/storage/paging.ts'
import { countingCases, pruningCases } from './suites/storage/pruning.ts'
import { rejectedValueCases } from './suites/storage/rejected-values.ts'
import { valueCases } from './suites/storage/values.ts'

export const allCases: readonly Case[] = [
  ...valueCases,
  ...rejectedValueCases,
  ...nameCases,
  ...filterCases,
  ...orderCases,
  ...pagingCases,
  ...countingCases,
  ...pruningCases,
  ...compareAndSetCases,
  ...batchCases,
]
