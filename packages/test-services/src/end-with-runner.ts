// A worker of a test run that was killed would go on until its test ends; this ends it at once.
process.once('disconnect', () => process.exit(1))
