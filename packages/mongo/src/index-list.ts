import type { IndexDescription } from 'mongodb'
import type { CollectionName } from './collections.ts'

export type Indexes = Readonly<Partial<Record<CollectionName, readonly IndexDescription[]>>>
