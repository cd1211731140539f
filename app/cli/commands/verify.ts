/** `ringmaster verify`: compares all nodes, shows how far it is, and tells what came of it. */
import { RingmasterError } from '../../base/errors.js';
import { formatCount, formatSeconds } from '../../base/format.js';
import type { VerificationView } from '../../model/verification.js';
import { type ExitCode, verificationExitCode } from '../exit-codes.js';
import { followCluster } from '../follow.js';
import { tableLines } from '../text/table.js';
import { type Command, type CommandContext, sayJson } from './context.js';

/** Half of the time: clients of a node that has nothing to spare keep most of it. */
export const usualLoadPercent = 50;

export interface VerifyOptions {
  /** Share of the time that each node works for it, percent. */
  readonly load: number;
}

/** Starts a comparison and shows it until it has ended. Ctrl-C stops it. */
export const verify: Command<VerifyOptions> = async (context, { load }): Promise<ExitCode> => {
  const { client, terminal, json } = context;
  const { startedAtMs } = await client.request('verification.start', { loadPercent: load }, true);
  const left = new AbortController();
  const forget = terminal.onInterrupt(() => {
    client.request('verification.stop', {}, true).catch((thrown: unknown) => left.abort(thrown));
  });
  try {
    const ended = await untilEnded(context, startedAtMs, left.signal);
    if (json) sayJson(terminal, ended);
    else if (ended.state === 'equal') terminal.say(resultLines(ended));
    else terminal.complain(resultLines(ended));
    return verificationExitCode(ended);
  } finally {
    forget();
  }
};

async function untilEnded(
  { client, terminal, clock, json }: CommandContext,
  startedAtMs: number,
  signal: AbortSignal,
): Promise<VerificationView> {
  let told = '';
  const look = ({ verification: now }: { readonly verification: VerificationView | null }) => {
    if (!now || now.startedAtMs < startedAtMs) return undefined;
    if (now.startedAtMs > startedAtMs)
      throw new RingmasterError('console.outcome-unseen', {
        title: 'the comparison of all nodes',
        reason: 'another one was started',
      });
    if (now.state !== 'running') return now;
    if (!json && terminal.isLive) terminal.paint(runningLines(now));
    else if (!json && now.activity && now.activity !== told) terminal.say([`▸  ${now.activity}`]);
    told = now.activity ?? '';
    return undefined;
  };
  return await followCluster(client, look, { clock, signal });
}

function runningLines({ activity, nodes }: VerificationView): string[] {
  const rows = nodes
    .filter(({ leftOut }) => leftOut === null)
    .map(({ name, progress }) => [
      name,
      progress?.total ? `${Math.floor(Math.min(1, progress.done / progress.total) * 100)} %` : '',
    ]);
  return [`▸  ${activity ?? 'begins'}`, ...tableLines(rows)];
}

/** The outcome, each place where nodes differ, and what was not compared. */
function resultLines(result: VerificationView): string[] {
  const { words, drift, driftCount, nodes, notCompared, error, heldMs, startedAtMs, endedAtMs } = result;
  const sign = result.state === 'equal' ? '✓' : '✗';
  const seconds = ((endedAtMs ?? startedAtMs) - startedAtMs) / 1000;
  return [
    `${sign}  ${words}`,
    ...(error ? [`   ${error.remedy}`] : []),
    ...drift.map((each) => `   ${each.words}`),
    ...(driftCount > drift.length ? [`   and ${formatCount(driftCount - drift.length)} more places`] : []),
    ...nodes.flatMap(({ name, leftOut }) =>
      leftOut === null ? [] : [`   ${name} was not compared: ${leftOut}`],
    ),
    ...notCompared.map(({ table, why }) => `   ${table} was not compared: ${why}`),
    `   took ${formatSeconds(seconds)}, commits were kept back for ${formatCount(heldMs)} ms`,
  ];
}
