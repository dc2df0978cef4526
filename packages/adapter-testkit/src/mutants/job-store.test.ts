import { prove } from './prove.support.ts'

prove('job-settle', 'job-upkeep', 'life')
