/** Commands about state changes: plan, set-state. */
import { RingmasterError } from '../../base/errors.js';
import type { MaintenanceRequest } from '../../model/maintenance.js';
import type { TargetState } from '../../model/node-state.js';
import { hasEnded, type Plan } from '../../model/plan.js';
import { type ExitCode, exitCodes, planExitCode } from '../exit-codes.js';
import { followCluster } from '../follow.js';
import { outcomeLines, proposalLines, runningLines, stepNews } from '../text/plan.js';
import { type Command, type CommandContext, sayJson } from './context.js';

export interface PlanOptions {
  readonly node: string;
  readonly target: TargetState;
  /** null lets the planner choose. */
  readonly donor: string | null;
}

const propose = ({ client }: CommandContext, { node, target, donor }: PlanOptions): Promise<Plan> =>
  client.request('plan.propose', { node, target, donor });

/** The plan that set-state would run. */
export const plan: Command<PlanOptions> = async (context, options) => {
  const proposed = await propose(context, options);
  if (context.json) sayJson(context.terminal, proposed);
  else context.terminal.say(proposalLines(proposed));
  return exitCodes.good;
};

export interface SetStateOptions extends PlanOptions {
  /** Why and how long, when the node goes into maintenance; null where nothing was said. */
  readonly maintenance?: MaintenanceRequest | null;
  /** Confirmed beforehand. */
  readonly yes?: boolean | undefined;
}

/** Shows the plan, asks, runs it, and shows it run. */
export const setState: Command<SetStateOptions> = async (context, options) => {
  const { terminal, json } = context;
  const maintenance = options.maintenance ?? null;
  // Asked for before anybody reads the plan: without it the console would refuse to run it.
  if (options.target === 'maintenance' && maintenance === null)
    throw new RingmasterError('plan.reason-missing', { node: options.node });
  const proposed = await propose(context, options);
  if (!json) terminal.say([...proposalLines(proposed), '']);
  const asks = !options.yes && !json && terminal.canAsk;
  const confirmed = options.yes === true || (asks && (await terminal.ask(`${proposed.title}?`)));
  if (!confirmed) throw new RingmasterError('plan.not-confirmed', { title: proposed.title });
  return runShown(context, proposed, maintenance);
};

/** Runs a plan and shows it until it has ended. Ctrl-C asks the console to stop it; a second one stops looking. */
async function runShown(
  context: CommandContext,
  { id, title }: Plan,
  maintenance: MaintenanceRequest | null,
): Promise<ExitCode> {
  const { client, terminal, clock, json } = context;
  const left = new AbortController();
  let started = false;
  let stopping = false;
  const stop = () => {
    // A plan that has ended meanwhile is not there to be stopped, and the end is what is shown.
    client.request('plan.abort', { plan: id }, true).catch((thrown: unknown) => {
      if (!(thrown instanceof RingmasterError && thrown.code === 'plan.unknown')) left.abort(thrown);
    });
  };
  const forget = terminal.onInterrupt(() => {
    if (stopping)
      return left.abort(new RingmasterError('console.outcome-unseen', { title, reason: 'you left before' }));
    stopping = true;
    terminal.complain([`Stopping: ${title} … (Ctrl-C again to leave while it is being stopped)`]);
    if (started) stop();
  });
  let before: Plan | null = null;
  const look = ({ plan: now }: { readonly plan: Plan | null }): Plan | undefined => {
    if (now?.id !== id)
      throw new RingmasterError('console.outcome-unseen', { title, reason: 'it was put away elsewhere' });
    const nowMs = clock.wallMs();
    if (!json && terminal.isLive) terminal.paint(runningLines(now, nowMs));
    else if (!json) {
      const news = stepNews(before, now, nowMs);
      if (news.length > 0) terminal.say(news);
    }
    before = now;
    return hasEnded(now) ? now : undefined;
  };
  try {
    await client.request('plan.run', { plan: id, maintenance }, true);
    started = true;
    if (stopping) stop();
    const ended = await followCluster(client, look, { clock, signal: left.signal });
    if (json) sayJson(terminal, ended);
    else if (ended.state === 'done') terminal.say(outcomeLines(ended));
    else terminal.complain(outcomeLines(ended));
    return planExitCode(ended.state);
  } finally {
    forget();
  }
}
