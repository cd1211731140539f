/** Commands that look and change nothing: status, nodes, events, watch. */
import type { ClusterEvent, ClusterSnapshot } from '../../model/cluster.js';
import { describeCluster } from '../../model/sentence.js';
import { type ExitCode, exitCodes, statusExitCode } from '../exit-codes.js';
import { followCluster } from '../follow.js';
import { eventLine, timeOf } from '../text/events.js';
import { nodeRecord, nodeTableLines, statusLines, statusRecord } from '../text/status.js';
import { type Command, type CommandContext, sayJson, sayJsonLine } from './context.js';

const openOnce = async ({ client }: CommandContext): Promise<ClusterSnapshot> =>
  (await client.request('cluster.open', {})).snapshot;

/** How the cluster is; the exit code tells it too. */
export const status: Command<object> = async (context) => {
  const snapshot = await openOnce(context);
  const { terminal, clock, json } = context;
  if (json) sayJson(terminal, statusRecord(snapshot, clock.wallMs()));
  else terminal.say(statusLines(snapshot, clock.wallMs()));
  return statusExitCode(snapshot);
};

/** One line for each node. */
export const nodes: Command<object> = async (context) => {
  const snapshot = await openOnce(context);
  const { terminal, clock, json } = context;
  if (json) sayJson(terminal, snapshot.nodes.map(nodeRecord));
  else terminal.say(nodeTableLines(snapshot.nodes, clock.wallMs()));
  return exitCodes.good;
};

/** Goes on until Ctrl-C, which is how these commands are meant to end. */
async function untilInterrupted(
  { client, clock, terminal }: CommandContext,
  look: (snapshot: ClusterSnapshot) => void,
): Promise<ExitCode> {
  const interrupted = new AbortController();
  const forget = terminal.onInterrupt(() => interrupted.abort());
  try {
    await followCluster<never>(
      client,
      (snapshot) => {
        look(snapshot);
        return undefined;
      },
      { clock, signal: interrupted.signal },
    );
  } catch (thrown) {
    if (!interrupted.signal.aborted) throw thrown;
  } finally {
    forget();
  }
  return exitCodes.good;
}

export interface EventsOptions {
  /** How many of the latest. */
  readonly last: number;
  /** Go on with those that come. */
  readonly follow?: boolean | undefined;
}

/** What happened and what was done, by whom. */
export const events: Command<EventsOptions> = async (context, { last, follow }) => {
  const { terminal, json } = context;
  const latest = (all: readonly ClusterEvent[]) => (last === 0 ? [] : all.slice(-last));
  if (!follow) {
    const shown = latest((await openOnce(context)).events);
    if (json) sayJson(terminal, shown);
    else terminal.say(shown.map(eventLine));
    return exitCodes.good;
  }
  let told: number | null = null;
  return untilInterrupted(context, (snapshot) => {
    const newest = snapshot.events.at(-1)?.id ?? 0;
    // A coordinator that began anew numbers its events from one.
    if (told !== null && newest < told) told = 0;
    const known = told;
    const fresh =
      known === null ? latest(snapshot.events) : snapshot.events.filter((event) => event.id > known);
    told = newest;
    if (json) for (const event of fresh) sayJsonLine(terminal, event);
    else if (fresh.length > 0) terminal.say(fresh.map(eventLine));
  });
};

/** Events below a live status. */
const eventsBelow = 5;

/**
 * The status as it changes. On a terminal it is painted over; elsewhere there is a line for each news, which numbers
 * that move are not.
 */
export const watch: Command<object> = (context) => {
  const { terminal, json, clock } = context;
  let topic: string | null = null;
  return untilInterrupted(context, (snapshot) => {
    if (terminal.isLive && !json) {
      const recent = snapshot.events.slice(-eventsBelow).map(eventLine);
      terminal.paint([...statusLines(snapshot, clock.wallMs()), '', ...recent]);
      return;
    }
    const sentence = describeCluster(snapshot);
    if (sentence.topic === topic) return;
    topic = sentence.topic;
    if (json) sayJsonLine(terminal, statusRecord(snapshot, clock.wallMs()));
    else terminal.say([`${timeOf(clock.wallMs())}  ${sentence.text}`]);
  });
};
