/** `npm run lab`: the lab without a window. One JSON line on standard output when it is ready; runs until interrupted. */
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { systemClock } from '../base/clock.js';
import { toRingmasterError } from '../base/errors.js';
import { createLog } from '../base/log.js';
import type { NamedPush } from '../contract/window.js';
import { targetOf } from '../coordinator/gate/answer.js';
import { auditFile, auditRun, createAudit } from '../coordinator/gate/audit.js';
import { createRequestGate } from '../coordinator/gate/request-gate.js';
import { answerCommandLine } from '../lab/command-line.js';
import { defaultLabFolder, labNames } from '../lab/folders.js';
import { type Lab, openLab } from '../lab/lab.js';
import { wholeNumber } from './whole-number.js';

interface Options {
  readonly nodes: number;
  readonly active: number;
  readonly port: number;
  readonly connections: number;
  readonly recovery?: 'on' | 'off';
  readonly folder: string;
}

const command = new Command('ringmaster-lab')
  .description('Runs a cluster of real MariaDB servers on this machine until interrupted.')
  .option('--nodes <count>', 'how many servers', wholeNumber(1, 9), 3)
  .option('--active <count>', 'how many of them are active on the very first start', wholeNumber(1, 9), 1)
  .option(
    '--port <port>',
    'address of applications on 127.0.0.1; the servers take the next free ones',
    wholeNumber(1024, 65_000),
    6033,
  )
  .option(
    '--connections <count>',
    'connections of the load generator, 0 for no load',
    wholeNumber(0, 2000),
    350,
  )
  .addOption(
    new Option(
      '--recovery <on|off>',
      'bring failed nodes back without being asked for; as set last, on at first',
    ).choices(['on', 'off']),
  )
  .option('--folder <path>', 'where the lab lives', defaultLabFolder(labNames.commandLine));

async function run(options: Options): Promise<void> {
  const programs = join(__dirname, '..');
  const log = createLog('lab', join(options.folder, 'lab.log'));
  const lab = await openLab({
    ...options,
    recovery: options.recovery === undefined ? null : options.recovery === 'on',
    programs: { peer: join(programs, 'peer/peer.cjs'), load: join(programs, 'load/load.cjs') },
    log,
  });
  const audit = createAudit(systemClock, auditRun(systemClock), auditFile(join(options.folder, 'audit.log')));
  const gate = createRequestGate(targetOf(lab.handlers, log), audit, log);
  const door = await answerCommandLine(options.folder, gate, log).catch(async (thrown: unknown) => {
    await lab.close();
    throw thrown;
  });
  lab.onPush((name, push) => door.push({ name, push } as NamedPush));
  const close = async () => {
    door.close();
    await lab.close();
  };
  let closing: Promise<void> | undefined;
  const stop = () => {
    closing ??= close().then(() => process.exit(0));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    await lab.ready;
  } catch (error) {
    await close();
    throw error;
  }
  if (!closing) process.stdout.write(`${JSON.stringify(await describe(lab))}\n`);
}

/** What another program needs to use the lab. */
async function describe(lab: Lab) {
  const { snapshot } = await lab.handlers['cluster.open']({});
  const { user, password } = lab.accounts.application;
  return {
    frontEnd: { host: snapshot.frontEnd?.host, port: snapshot.frontEnd?.port, user, password },
    nodes: snapshot.nodes.map((node) => ({
      name: node.name,
      host: node.host,
      port: node.port,
      user,
      password,
      state: node.state,
    })),
  };
}

run(command.parse().opts<Options>()).catch((thrown: unknown) => {
  const error = toRingmasterError(thrown);
  process.stderr.write(`${error.message}\n${error.remedy}\n`);
  process.exit(1);
});
