/**
 * Scenario scripts: one story per text file, commands with the expected trace beneath each. A step is one or more command
 * lines, a line of four dashes, and what notable happened, with its virtual time in milliseconds.
 *
 *   cluster 3 [arbiter 3] [networks 2]     run 500                  status
 *   commit 2 5 (member, transactions)      submit 2 text            leave 2 / rejoin 2
 *   crash 2 [silent] / start 2             pause 2 300              crash-at-pass 2 before|after
 *   cut 1,2 from 3,4 [network 2] / heal    repeat-token 1 2 40 (from, to, later by)
 *   stop-server 2 / start-server 2         declare-dead 1 at 2             slow-disk 2 600 (a write takes up to)
 */
import { ringSettings } from '../ring/model.js';
import { soundRules } from '../ring/rules.js';
import type { SimNode, World } from './cluster.js';
import { crashNode, enqueue, pauseNode, startNode, startServer, stopServer } from './lifecycle.js';
import type { SimOptions } from './options.js';
import { createWorld } from './world.js';

const separator = '----';

/** One step of a script. */
interface Step {
  readonly commands: readonly string[];
  readonly expected: readonly string[];
}

/** Cuts a script into its comment and its steps. */
function parseScenario(text: string): {
  readonly comment: readonly string[];
  readonly steps: readonly Step[];
} {
  const [first = '', ...blocks] = text.trimEnd().split(/\n\n+/);
  const comment = first.split('\n').filter((line) => line.startsWith('#'));
  const steps = (comment.length > 0 ? blocks : [first, ...blocks]).map((block) => {
    const lines = block.split('\n');
    const at = lines.indexOf(separator);
    return at < 0
      ? { commands: lines, expected: [] }
      : { commands: lines.slice(0, at), expected: lines.slice(at + 1) };
  });
  return { comment, steps };
}

/** Runs a script. @returns the same script with what really happened. */
export function runScenario(text: string): string {
  const { comment, steps } = parseScenario(text);
  let world: World | null = null;
  let lines: string[] = [];
  const trace = (line: string): void => {
    const at = /^ *([\d.]+) {2}(\d+) {2}/.exec(line);
    if (at) prefix = `${Math.round(Number(at[1]))} ${at[2]}:`;
    else if (notable.test(line) && !boring.test(line)) lines.push(`${prefix} ${line.trim()}`);
  };
  let prefix = '';
  const blocks = steps.map(({ commands }) => {
    lines = [];
    for (const command of commands) {
      if (command.startsWith('cluster ')) world = makeCluster(command, trace);
      else if (world) perform(world, command, lines);
      else throw new RangeError('a scenario begins with a cluster');
    }
    const { violations } = (world as World).checkers;
    for (const { rule, text: what } of violations) lines.push(`BROKEN ${rule}: ${what}`);
    return [...commands, separator, ...lines].join('\n');
  });
  return `${[comment.join('\n'), ...blocks].filter((block) => block !== '').join('\n\n')}\n`;
}

/** Lines of the trace that tell a story; the rest is heartbeat. */
const notable =
  /^ +(begin|fence|fetch|outside|commit |acknowledge|deliver|control gap|refused|left|server|-> .*(propose|token))/;
/** A token that only goes round, and proposals to each voter. */
const boring = /-> .*propose/;

function makeCluster(command: string, trace: (line: string) => void): World {
  const words = command.split(/\s+/);
  const value = (name: string): number | undefined => {
    const at = words.indexOf(name);
    return at < 0 ? undefined : Number(words[at + 1]);
  };
  const members = value('cluster') ?? 3;
  const arbiter = value('arbiter');
  const options: SimOptions = {
    members,
    arbiters: arbiter === undefined ? [] : [arbiter],
    networks: value('networks') ?? 1,
    settings: ringSettings(),
    delayMs: 1,
    jitterMs: 0,
    loss: 0,
    doubles: 0,
    visibleCrashes: 1,
    faults: [],
    faultEveryMs: 1,
    burstEveryMs: 1,
    applyMs: 0,
    diskMs: 0,
    semiSync: false,
    clockRates: Array.from({ length: members }, () => 1),
  };
  const world = createWorld(1, options, soundRules, trace);
  for (const node of world.nodes) startNode(world, node);
  return world;
}

type Verb = (world: World, node: SimNode, words: readonly string[]) => void;

const verbs: Readonly<Record<string, Verb>> = {
  commit: (world, node, [, , count]) => enqueue(world, node, Number(count)),
  submit: (world, node, [, , ...text]) => world.handle(node, { kind: 'submit', payload: text.join(' ') }),
  crash: (world, node, [, , how]) => crashNode(world, node, false, how !== 'silent'),
  'crash-at-pass': (_world, node, [, , when]) => {
    node.dieAtPass = when === 'before' ? 'before' : 'after';
  },
  start: (world, node) => startNode(world, node),
  pause: (world, node, [, , forMs]) => pauseNode(world, node, Number(forMs)),
  'slow-disk': (_world, node, [, , diskMs]) => {
    node.diskMs = Number(diskMs);
  },
  leave: (world, node) => world.handle(node, { kind: 'leave' }),
  rejoin: (world, node) => world.handle(node, { kind: 'rejoin' }),
  'stop-server': (world, node) => {
    stopServer(world, node, false);
    world.handle(node, { kind: 'server', up: false, tailCertain: true });
  },
  'start-server': (world, node) => startServer(world, node, true),
  'declare-dead': (world, node, [, , , at]) => {
    const judge = world.nodes[Number(at) - 1];
    world.checkers.declaredDead([node.voter]);
    if (judge) world.handle(judge, { kind: 'declare-dead', voters: [node.voter] });
  },
};

function perform(world: World, command: string, lines: string[]): void {
  const words = command.split(/\s+/);
  const [verb = '', first = ''] = words;
  const run = verbs[verb];
  const node = world.nodes[Number(first) - 1];
  if (run && node) run(world, node, words);
  else if (verb === 'run') world.agenda.runUntil(world.agenda.nowMs + Number(first), () => false);
  else if (verb === 'heal') world.network.heal();
  else if (verb === 'cut') cut(world, words);
  else if (verb === 'repeat-token')
    world.network.repeatToken(Number(first), Number(words[2]), Number(words[3]));
  else if (verb === 'status') lines.push(...world.nodes.map(describeNode));
  else throw new RangeError(`not a command: ${command}`);
}

function cut(world: World, [, one = '', , other = '', , which]: readonly string[]): void {
  const network = which === undefined ? -1 : Number(which) - 1;
  for (const from of one.split(',').map(Number)) {
    for (const to of other.split(',').map(Number)) {
      world.network.block(from, to, network, true);
      world.network.block(to, from, network, true);
    }
  }
}

function describeNode({ id, up, server, ring: { state } }: SimNode): string {
  if (!up) return `${id}: down, holds ${server.log.length}`;
  const data = server.up ? `holds ${server.log.length}` : `server down`;
  if (state.kind === 'operational') {
    const members = state.view.members.map((member) => member.id).join(' ');
    return `${id}: in the ring of ${members}${state.grip.kind === 'away' ? '' : `, has the token (${state.grip.kind})`}, ${data}`;
  }
  if (state.kind === 'gather') {
    return `${id}: looks for a view (${state.reason}${state.waitsFor ? `; ${state.waitsFor}` : ''}), ${data}`;
  }
  return `${id}: ${state.kind}, ${data}`;
}
