#!/usr/bin/env node
/** `ringmaster`: the console on the command line. It attaches to the console, or to the lab without a window, of this machine. */
import { userInfo } from 'node:os';
import { Argument, CommanderError, InvalidArgumentError, Option, Command as Program } from 'commander';
import { systemClock } from '../base/clock.js';
import { toRingmasterError } from '../base/errors.js';
import { nodeNameSchema } from '../model/ids.js';
import { maintenanceMinutesMax } from '../model/maintenance.js';
import { type TargetState, targetStates } from '../model/node-state.js';
import { attach, usualFolders } from './attach.js';
import type { Command } from './commands/context.js';
import { plan, setState } from './commands/move.js';
import { events, nodes, status, watch } from './commands/show.js';
import { usualLoadPercent, verify } from './commands/verify.js';
import { errorExitCode, exitCodeHelp, exitCodes } from './exit-codes.js';
import { processTerminal } from './terminal.js';
import { wholeNumber } from './whole-number.js';

interface CommonOptions {
  readonly folder?: string;
  readonly json?: boolean;
}

/** As many as the console keeps. */
const eventsMax = 500;

const terminal = processTerminal(systemClock);

/** Attaches, runs one command, and sets the exit code. */
async function run<Options>(
  command: Command<Options>,
  options: Options,
  common: CommonOptions,
): Promise<void> {
  const json = common.json === true;
  const folders = common.folder === undefined ? usualFolders() : [common.folder];
  try {
    const client = await attach(folders, { user: userInfo().username, clock: systemClock });
    try {
      process.exitCode = await command({ client, terminal, clock: systemClock, json }, options);
    } finally {
      client.close();
    }
  } catch (thrown) {
    const error = toRingmasterError(thrown);
    if (json) terminal.say([JSON.stringify({ error: error.view() }, null, 2)]);
    else terminal.complain([error.message, error.remedy]);
    process.exitCode = errorExitCode(error);
  }
}

const nodeArgument = (): Argument =>
  new Argument('<node>', 'name of the node').argParser((text) => {
    const parsed = nodeNameSchema.safeParse(text);
    if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'not a node name');
    return parsed.data;
  });
const stateArgument = (): Argument =>
  new Argument('<state>', 'the state it shall go to').choices(targetStates);
const donorOption = (): Option =>
  new Option('--donor <name>', 'node that gives the copy, when one is needed');

const program = new Program('ringmaster')
  .description('Looks at a cluster of MariaDB servers and changes the states of its nodes.')
  .addOption(
    new Option('--folder <path>', 'folder of the lab whose console is meant').env('RINGMASTER_LAB_FOLDER'),
  )
  .option('--json', 'print JSON, for programs')
  .addHelpText('after', exitCodeHelp)
  .exitOverride();

/** A command that takes options only. */
function looking<Options extends object>(
  name: string,
  description: string,
  command: Command<Options>,
): Program {
  return program
    .command(name)
    .description(description)
    .action((options: Options, self: Program) => run(command, options, self.optsWithGlobals()));
}

interface MoveFlags {
  readonly donor?: string;
  readonly yes?: boolean;
  readonly reason?: string;
  readonly minutes?: number;
}

/** What was said about a maintenance; null when nothing was. */
const maintenanceOf = ({ reason, minutes }: MoveFlags) =>
  reason === undefined ? null : { reason, minutes: minutes ?? null };

/** A command about the state change of one node. */
function moving(name: string, description: string, command: typeof setState): Program {
  return program
    .command(name)
    .description(description)
    .addArgument(nodeArgument())
    .addArgument(stateArgument())
    .addOption(donorOption())
    .action((node: string, target: TargetState, flags: MoveFlags, self: Program) =>
      run(
        command,
        { node, target, donor: flags.donor ?? null, yes: flags.yes, maintenance: maintenanceOf(flags) },
        self.optsWithGlobals(),
      ),
    );
}

looking('status', 'how the cluster is, in one sentence and a line for each node', status);
looking('nodes', 'a table of the nodes', nodes);
looking('events', 'what happened and what was done, by whom', events)
  .option('--last <count>', 'how many of the latest', wholeNumber(0, eventsMax), 20)
  .option('--follow', 'go on with those that come, until Ctrl-C');
looking('watch', 'the status as it changes, until Ctrl-C', watch);
looking('verify', 'compares the data of all nodes at one change, table by table', verify).option(
  '--load <percent>',
  'share of the time that each node works for it',
  wholeNumber(1, 100),
  usualLoadPercent,
);
moving('plan', 'what set-state would do, without doing it', plan);
moving('set-state', 'moves a node to another state, and shows how', setState)
  .option('--yes', 'do not ask: the plan is confirmed beforehand')
  .option('--reason <text>', 'why, for maintenance')
  .option(
    '--minutes <count>',
    'how long the maintenance is meant to last; without it, until somebody ends it',
    wholeNumber(1, maintenanceMinutesMax),
  );

/** Whoever reads our output may have enough of it: `ringmaster events | head`. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.good);
  throw error;
});

program.parseAsync().catch((thrown: unknown) => {
  if (!(thrown instanceof CommanderError)) throw thrown;
  process.exitCode = thrown.exitCode === 0 ? exitCodes.good : exitCodes.unknown;
});
