import { prove } from './prove.support.ts'

prove('job-claims', 'job-settle', 'job-workers', 'job-upkeep', 'life')
