import { prove } from './prove.support.ts'

prove('storage-filters', 'storage-order', 'storage-writes', 'lock', 'schedule-store')
