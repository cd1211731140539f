/**
 * `npm run bench -- NAME [--json] [--rounds N] [--gigabytes N] [--profile FOLDER]`: measures, and says whether the goals are met. With --json the last
 * line of standard output is one object: {"bench","machine","versions","rounds","results"}. A missed goal is a result,
 * not an error: the exit code is 1 only when nothing could be measured. With --profile our own processes write where their
 * processor time went.
 */
import { parseArgs } from 'node:util';
import { messageOf } from '../app/base/errors.js';
import { interrupt, interruptedExitCode } from './interrupt.js';
import { type Bench, inWords, machine } from './report.js';

/** Loaded on demand: each brings its own libraries. */
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  frontend: async () => (await import('./frontend.js')).frontendBench,
  overhead: async () => (await import('./overhead.js')).overheadBench,
  sessions: async () => (await import('./sessions.js')).sessionsBench,
  scale: async () => (await import('./scale.js')).scaleBench,
  writes: async () => (await import('./writes.js')).writesBench,
  console: async () => (await import('./console.js')).consoleBench,
  ring: async () => (await import('./ring.js')).ringBench,
  failover: async () => (await import('./failover.js')).failoverBench,
  join: async () => (await import('./join.js')).joinBench,
};

async function usage(): Promise<string> {
  const lines = await Promise.all(
    Object.entries(benches).map(async ([name, load]) => `  ${name.padEnd(12)} ${(await load()).about}`),
  );
  return [
    'Usage: npm run bench -- NAME [--json] [--rounds N] [--gigabytes N] [--profile FOLDER]',
    '',
    ...lines,
  ].join('\n');
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      gigabytes: { type: 'string', default: '2' },
      profile: { type: 'string' },
    },
  });
  const [name = ''] = positionals;
  const load = Object.hasOwn(benches, name) ? benches[name] : undefined;
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  const gigabytes = Number(values.gigabytes);
  if (
    !load ||
    !(gigabytes > 0) ||
    positionals.length > 1 ||
    (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))
  ) {
    console.error(await usage());
    return 1;
  }
  const bench = await load();
  const context = {
    rounds: rounds ?? bench.roundsDefault,
    gigabytes,
    profileFolder: values.profile ?? null,
    say: (sentence: string) => console.error(sentence),
  };
  const { versions, results } = await bench.run(context);
  const print = values.json ? console.error : console.log;
  for (const result of results) print(inWords(result));
  if (values.json) {
    const all = { node: process.version, ...versions };
    console.log(
      JSON.stringify({ bench: name, machine: machine(), versions: all, rounds: context.rounds, results }),
    );
  }
  return 0;
}

// What was started ends with us: its owners tidy up, or wait for `exit`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);

main().then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error) => {
    console.error(`The benchmark could not be run: ${messageOf(error)}`);
    // Work that was interrupted may still wait for something.
    process.exit(interruptedExitCode() ?? 1);
  },
);
