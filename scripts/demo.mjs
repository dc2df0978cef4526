#!/usr/bin/env node
// `npm run demo -- <arguments>`: hands the arguments to examples/demo as they are.
import { pnpm } from './pnpm.mjs'

process.on('SIGINT', () => {})
process.exit(pnpm(['--dir', 'examples/demo', '--silent', 'run', 'start', ...process.argv.slice(2)]))
