/**
 * Imports point downward only (README, "How the source is laid out"):
 *   {peer, coordinator, lab, cli} > {io, sim} > {ring, wire, balance, replication, metrics, contract} > model > base
 * The window (renderer, main/preload) sees the contract and the model's types, never the core that runs the cluster.
 */
const core = '^app/(ring|wire|balance|replication|metrics|contract)/';
const adapters = '^app/(io|sim)/';
const processes = '^app/(peer|coordinator|lab|cli)/';
const tests = '\\.test\\.tsx?$|/testing/';

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'base-imports-nothing',
      severity: 'error',
      from: { path: '^app/base/', pathNot: tests },
      to: { path: '^app/(?!base/)' },
    },
    {
      name: 'model-imports-base',
      severity: 'error',
      from: { path: '^app/model/', pathNot: tests },
      to: { path: '^app/(?!base/|model/)' },
    },
    {
      name: 'core-imports-model',
      severity: 'error',
      from: { path: core, pathNot: tests },
      to: { path: [adapters, processes] },
    },
    {
      name: 'core-stays-apart',
      severity: 'error',
      from: { path: '^app/(ring|wire|balance|replication|metrics)/', pathNot: tests },
      to: { path: '^app/contract/' },
    },
    {
      name: 'core-has-no-io',
      severity: 'error',
      comment: 'Protocols, plans and policies are pure; sockets and files live in app/io.',
      from: { path: '^app/(model|ring|wire|balance|replication|metrics|contract)/', pathNot: tests },
      to: {
        dependencyTypes: ['core'],
        path: '^(node:)?(net|tls|fs|fs/promises|child_process|http|https|dgram|worker_threads|timers|timers/promises)$',
      },
    },
    {
      name: 'adapters-below-processes',
      severity: 'error',
      from: { path: adapters, pathNot: tests },
      to: { path: processes },
    },
    {
      name: 'coordinator-knows-no-lab',
      severity: 'error',
      from: { path: '^app/(peer|coordinator)/', pathNot: tests },
      to: { path: '^app/(lab|cli)/' },
    },
    {
      name: 'peer-knows-no-coordinator',
      severity: 'error',
      from: { path: '^app/peer/', pathNot: tests },
      to: { path: '^app/coordinator/' },
    },
    {
      name: 'app-knows-no-window',
      severity: 'error',
      from: { path: '^app/' },
      to: { path: '^(main|renderer)/' },
    },
    {
      name: 'app-knows-no-electron',
      severity: 'error',
      from: { path: '^app/' },
      to: { path: 'node_modules/(electron|react|react-dom|zustand|recharts)/' },
    },
    {
      name: 'window-sees-the-contract-only',
      severity: 'error',
      from: { path: '^(renderer/|main/preload)', pathNot: tests },
      to: { path: '^(app/(?!contract/|model/|base/errors|base/format)|main/(?!preload))' },
    },
    {
      name: 'window-has-no-node',
      severity: 'error',
      from: { path: '^renderer/', pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^electron$|\\?' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(out|dist|\\.cache)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js', '.cjs', '.mjs', '.css', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
