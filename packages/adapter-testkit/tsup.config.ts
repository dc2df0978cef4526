import { library } from '../../scripts/tsup-library.ts'

export default library({ entry: ['src/index.ts', 'src/cli.ts', 'src/child.ts'] })
