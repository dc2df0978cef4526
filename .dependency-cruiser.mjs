// The import rules of the packages; `npm run check` holds the code to them. Why each exists is in its comment.
// tests, and what only tests import: x.support.ts
const TESTS = '\\.(test|test-d|support)\\.ts$'
const ADAPTERS = 'memory|redis|postgres|mongo'
const DRIVERS = { redis: 'ioredis', postgres: 'pg', mongo: 'mongodb' }
const CORE = 'packages/core/src'
/** What users import; whatever can be reached from here is published. */
const ENTRIES = 'index|adapter|cli'

/** Folders of core, lowest first; each may import from those named. */
const CORE_LAYERS = {
  errors: [],
  values: ['errors'],
  contracts: ['errors', 'values'],
  schedules: ['errors', 'values', 'contracts'],
  policies: ['errors', 'values', 'contracts'],
}

const coreLayers = Object.entries(CORE_LAYERS).map(([layer, below]) => ({
  name: `core-${layer}`,
  comment: `core's ${layer} may import only: ${[layer, ...below].join(', ')}`,
  severity: 'error',
  from: { path: `^${CORE}/${layer}/`, pathNot: TESTS },
  to: { path: `^${CORE}/`, pathNot: `^${CORE}/(${[layer, ...below].join('|')})/` },
}))

const drivers = Object.entries({ memory: undefined, ...DRIVERS }).map(([adapter, driver]) => ({
  name: `${adapter}-driver`,
  comment: `@sched/${adapter} needs no package but ${driver ?? 'core'}, so that a user installs no more than that`,
  severity: 'error',
  from: { path: `^packages/${adapter}/src/`, pathNot: TESTS },
  to: {
    dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'],
    path: 'node_modules',
    pathNot: driver ? `node_modules/(@types/)?${driver}/` : '^$',
  },
}))

export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'a cycle means that two modules are one',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolves',
      comment: 'the imported module does not exist, or its package is not in package.json',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    ...coreLayers,
    ...drivers,
    {
      name: 'core-contracts-types-only',
      comment: 'contracts describe: from below they take types alone',
      severity: 'error',
      from: { path: `^${CORE}/contracts/`, pathNot: TESTS },
      to: { path: `^${CORE}/(errors|values)/`, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'core-pure',
      comment: 'schedules and policies are pure: no files, no network, no timers from node',
      severity: 'error',
      from: { path: `^${CORE}/(schedules|policies)/`, pathNot: TESTS },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-store-below-runtime',
      comment: 'the stores work without the runtime',
      severity: 'error',
      from: { path: `^${CORE}/(store|adapters|telemetry)/`, pathNot: TESTS },
      to: { path: `^${CORE}/(runtime|fork)/` },
    },
    {
      name: 'no-own-index',
      comment:
        "a package's inside imports the module that has the thing, not its own front door (behind index.ts itself that is a cycle; test support may use it)",
      severity: 'error',
      from: { path: '^packages/([^/]+)/src/(adapter|cli)\\.ts$' },
      to: { path: '^packages/$1/src/index\\.ts$', reachable: true },
    },
    {
      name: 'adapters-apart',
      comment:
        'an adapter imports @sched/core/adapter and its driver; no other package of ours, nor core as users import it',
      severity: 'error',
      from: { path: `^packages/(${ADAPTERS}|adapter-testkit)/src/(${ENTRIES})\\.ts$` },
      to: { path: '^packages/[^/]+/src/index\\.ts$', pathNot: '^packages/$1/', reachable: true },
    },
    {
      name: 'adapters-without-runtime',
      comment: '@sched/core/adapter gives adapters nothing of the runtime',
      severity: 'error',
      from: { path: `^${CORE}/adapter\\.ts$` },
      to: { path: `^${CORE}/(runtime|fork)/`, reachable: true },
    },
    {
      name: 'no-adapter-in-core',
      comment: 'core knows no adapter and no testkit, not even in tests: the dependency would be a cycle',
      severity: 'error',
      from: { path: '^packages/core/' },
      to: { path: `^packages/(${ADAPTERS}|adapter-testkit)/` },
    },
    {
      name: 'tests-stay-outside',
      comment: 'what is published does not import tests or the test runner',
      severity: 'error',
      from: { path: `^packages/(core|adapter-testkit|${ADAPTERS})/src/(${ENTRIES})\\.ts$` },
      to: { path: [TESTS, 'node_modules/(vitest|vite)/'], reachable: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(packages|examples)/[^/]+/(dist|templates)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@sched/source', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.d.ts', '.json'],
    },
  },
}
