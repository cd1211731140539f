/** Faults of data: changes that nobody ordered, and ends that are missing. */
import { cp, readFile, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '../../base/clock.js';
import type { Random } from '../../base/random.js';
import { type Admin, textOf } from '../../io/mariadb/admin.js';
import { runsAsRoot } from '../folders.js';
import { type FaultKind, possibleHere, type Struck, type World } from './fault.js';

const startMs = 30_000;
/** Under load before a tail is lost, so that there is one. */
const tailChanges = 200;
const tailMs = 60_000;
/** Changes cut off a binlog, at most. */
const cutMax = 12;
/** How long it may take until a change that nobody ordered is noticed while the node serves. */
const noticedMs = 10_000;
/** Head of a binlog event: timestamp(4) type(1) server(4) length(4) next position(4) flags(2). */
const eventHeadBytes = 19;
const binlogMagicBytes = 4;
const gtidEvent = 162;

/** A row that only this fault makes, in a table of the counters' that looks at its own rows only. */
async function writePastPeer(admin: Admin, database: string, random: Random): Promise<string> {
  await admin.query(`INSERT INTO \`${database}\`.counter VALUES (?, 1)`, [
    random.integer(1_000, 1_000_000_000),
  ]);
  const row = await admin.one('SELECT @@last_gtid AS gtid');
  return textOf(row, 'gtid');
}

/** Starts a stopped node's server by hand, past its peer, changes a row, and stops it. @returns the change */
export async function changeByHand(world: World, node: string, random: Random): Promise<string> {
  const { host, clock, crowd } = world;
  const folder = world.folderOf(node);
  const program = await host.findCommand(['mariadbd', 'mysqld']);
  if (program === undefined) throw new Error('no MariaDB server on this machine');
  const { pid, ended } = await host.startDetached([program, `--defaults-file=${folder.configuration}`], {
    runAs: runsAsRoot() ? 'mysql' : null,
    logFile: folder.serverLog,
  });
  try {
    const admin = await waitFor(clock, () => world.admin(node).catch(() => undefined), {
      timeoutMs: startMs,
    });
    if (!admin) throw new Error(`the server of ${node} does not start by hand`);
    const gtid = await writePastPeer(admin, crowd.database, random);
    await admin.close();
    return gtid;
  } finally {
    await host.signal(pid, 'SIGTERM');
    await ended;
  }
}

const mustBeNamed =
  (node: string, gtid: string) =>
  (said: string): string[] =>
    said.includes(gtid) ? [] : [`the change ${gtid} that was made on ${node} past its peer was never named`];

async function foreignWhileStopped(world: World, random: Random): Promise<Struck> {
  const node = random.pick(world.nodes);
  await world.operator.move(node, 'offline');
  const gtid = await changeByHand(world, node, random);
  return {
    told: `${node} was started by hand while offline, and ${gtid} was written`,
    after: mustBeNamed(node, gtid),
  };
}

async function foreignWhileServing(world: World, random: Random): Promise<Struck> {
  const { operator, crowd } = world;
  const node = random.pick(world.nodes);
  const admin = await world.admin(node);
  let gtid: string;
  try {
    gtid = await writePastPeer(admin, crowd.database, random);
  } finally {
    await admin.close();
  }
  const told = `${gtid} was written on ${node}, past its front end, while it served`;
  // Either the node that wrote, or one that met the change twice.
  const noticed = await operator.seen(
    ({ nodes }) => nodes.some(({ state, replication }) => state === 'failed' || replication?.error != null),
    noticedMs,
  );
  // It may have got a number that nobody else gave: then it went round as any other, and all nodes have it.
  return noticed ? { told, after: mustBeNamed(node, gtid) } : { told };
}

/** Cuts the last changes off the newest binlog, as a disk does that did not keep what it said it had. */
async function cutBinlog(data: string, changes: number): Promise<string> {
  const index = (await readFile(join(data, 'binlog.index'), 'utf8')).split('\n').filter(Boolean);
  const path = join(data, index.at(-1) ?? '');
  const bytes = await readFile(path);
  const starts: number[] = [];
  for (let at = binlogMagicBytes; at + eventHeadBytes <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 9);
    if (length < eventHeadBytes) break;
    if (bytes.readUInt8(at + 4) === gtidEvent) starts.push(at);
    at += length;
  }
  const from = starts.at(-Math.min(changes, starts.length));
  if (from === undefined) return 'nothing, its newest binlog is empty';
  await truncate(path, from);
  return `the last ${Math.min(changes, starts.length)} changes`;
}

async function lostBinlogTail(world: World, random: Random): Promise<Struck> {
  const node = random.pick(world.nodes);
  await world.processes.kill([{ node, part: 'server' }]);
  const lost = await cutBinlog(world.folderOf(node).data, random.integer(1, cutMax));
  return { told: `the server of ${node} was killed, and its binlog lost ${lost}` };
}

/** The whole data of a node are those of some time ago: a backup, or a disk that lost everything since then. */
async function oldData(world: World, random: Random): Promise<Struck> {
  const { operator, crowd, clock, processes } = world;
  const node = random.pick(world.nodes);
  const { data, root } = world.folderOf(node);
  const saved = join(root, 'saved');
  await operator.move(node, 'offline');
  await rm(saved, { recursive: true, force: true });
  await cp(data, saved, { recursive: true, preserveTimestamps: true });
  await operator.recover();
  const before = crowd.acknowledged;
  await waitFor(clock, () => (crowd.acknowledged > before + tailChanges ? true : undefined), {
    timeoutMs: tailMs,
  });
  await processes.kill([{ node, part: 'server' }]);
  await rm(data, { recursive: true, force: true });
  await rename(saved, data);
  if (runsAsRoot()) await world.host.run(['chown', '-R', 'mysql', data], { runAs: null });
  return { told: `the server of ${node} was killed, and its data are those of ${tailChanges} changes ago` };
}

const fault = (name: string, weight: number, strike: FaultKind['strike']): FaultKind => ({
  name,
  weight,
  impossible: possibleHere,
  strike,
});

export const dataFaults: readonly FaultKind[] = [
  fault('foreign-change-stopped', 2, foreignWhileStopped),
  fault('foreign-change-serving', 2, foreignWhileServing),
  fault('lost-binlog-tail', 2, lostBinlogTail),
  fault('old-data', 1, oldData),
];
