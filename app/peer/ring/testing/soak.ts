/** A ring under load on a busy machine: whoever is expelled although it lives is a mistake of ours. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { systemClock, waitFor } from '../../../base/clock.js';
import { type Gathering, onLoopback, RingPeers } from './ring-peers.js';

export interface SoakOptions {
  readonly minutes: number;
  readonly members: number;
  /** The members take ports from here. */
  readonly firstPort: number;
  /** How much the loops that eat the processors give way to everybody else, 0 to 19. */
  readonly niceness: number;
}

export interface SoakResult {
  readonly minutes: number;
  readonly members: number;
  readonly busyLoops: number;
  /** Views after the first one: each is an expulsion, because nobody dies here. */
  readonly falseExpulsions: number;
  readonly messages: number;
  readonly passesPerSecond: number;
  readonly rotationMs: { readonly p50: number; readonly p99: number } | null;
  /** Of all members: how often they were late themselves, and the longest time. */
  readonly stalls: number;
  readonly longestStallMs: number;
  /** Of all members: how long the disk took for a promise at most. */
  readonly longestWriteMs: number;
  /** Who looked for a view and why, in order, at most `causesMax`; `atMs` counts from the beginning of the load. */
  readonly causes: readonly Gathering[];
}

const causesMax = 60;

/** Works for nothing until its parent is gone: a loop left over by a killed run would slow the machine for ever. */
const busyLoop = 'const parent = process.ppid; while (process.ppid === parent);';

/** Programs that do nothing, as fast as they can: one for each processor. */
function busyLoops(niceness: number): ChildProcess[] {
  return Array.from({ length: availableParallelism() }, () =>
    spawn('nice', ['-n', `${niceness}`, process.execPath, '-e', busyLoop], { stdio: 'ignore' }),
  );
}

async function endAll(children: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    children.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }),
  );
}

/** Runs the load and counts. `onMinute` is told how it goes. */
export async function soak(options: SoakOptions, onMinute: (text: string) => void): Promise<SoakResult> {
  const { members, minutes, firstPort, niceness } = options;
  const all = Array.from({ length: members }, (_, index) => index + 1);
  const ring = new RingPeers({ members, addresses: onLoopback(firstPort) });
  let loops: ChildProcess[] = [];
  try {
    await ring.startAll();
    const { view } = await ring.agreed(all, 30_000);
    loops = busyLoops(niceness);
    const beginMs = systemClock.monotonicMs();
    const endMs = systemClock.monotonicMs() + minutes * 60_000;
    const falseExpulsions = () =>
      Math.max(
        ...all.map((member) => ring.peer(member).views.filter((each) => each.ringId > view.ringId).length),
      );
    let nextTellMs = 0;
    let messages = 0;
    const speak = async (member: number): Promise<void> => {
      const { control, delivered } = ring.peer(member);
      for (let number = 1; systemClock.monotonicMs() < endMs; number++) {
        const payload = `${member} says ${number}`;
        await control.call('ring.submit', { payload });
        // Everybody waits for the token all the time.
        await waitFor(systemClock, () => (delivered.includes(payload) ? true : undefined), {
          everyMs: 2,
          timeoutMs: 30_000,
        });
        messages++;
        delivered.length = 0;
        if (systemClock.monotonicMs() < nextTellMs) continue;
        nextTellMs = systemClock.monotonicMs() + 60_000;
        onMinute(`${messages} messages, ${falseExpulsions()} false expulsions`);
      }
    };
    await Promise.all(all.map(speak));
    const rings = await Promise.all(all.map((member) => ring.ring(member)));
    return {
      minutes,
      members,
      busyLoops: loops.length,
      falseExpulsions: falseExpulsions(),
      messages,
      passesPerSecond: Math.round(rings.reduce((sum, { passes }) => sum + passes, 0) / (minutes * 60)),
      rotationMs: rings[0]?.rotationMs ?? null,
      stalls: rings.reduce((sum, { stalls }) => sum + stalls.count, 0),
      longestStallMs: Math.max(...rings.map(({ stalls }) => stalls.longestMs)),
      longestWriteMs: Math.max(...rings.map(({ writes }) => writes.longestMs)),
      causes: all
        .flatMap((member) => ring.peer(member).gatherings)
        .filter(({ atMs }) => atMs >= beginMs)
        .sort((one, other) => one.atMs - other.atMs)
        .slice(0, causesMax)
        .map((each) => ({ ...each, atMs: Math.round(each.atMs - beginMs) })),
    };
  } finally {
    await endAll(loops);
    await ring.end();
  }
}
