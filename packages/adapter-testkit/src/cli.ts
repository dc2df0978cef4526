#!/usr/bin/env node
import { main } from './cli/main.ts'

const code = await main(process.argv.slice(2), { stdout: process.stdout, stderr: process.stderr })
process.exitCode = code
// what the adapter left open was reported; it must not keep the command from ending
setTimeout(() => process.exit(code), 500).unref()
