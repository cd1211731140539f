/** One command of the client, from its arrival to the last packet of its answer. */
import type { Command } from '../packets/commands.js';
import type { Classified, Statement } from '../sql/statement.js';
import type { Plan } from './plan.js';
import type { Answer, ResponseForm } from './response.js';

/** The end of a response, kept back while something must happen first. */
export interface Final {
  readonly raw: Buffer;
  readonly answer: Answer;
}

/**
 * Where a turn stands.
 *
 *   asking --granted--> running --last packet--> (over)
 *   probing --its OK--> asking or running
 *   running (wrapped) --> askingCommit --granted--> committing --OK--> (over)
 *   running, committing --OK--> awaitingSafe (unless `local`) --safe, outcomeUnknown--> (over)
 *   resolvingKill --> running or (over)
 */
export type TurnStage =
  | { readonly at: 'asking'; readonly for: 'commit' | 'read' }
  | { readonly at: 'probing' }
  | { readonly at: 'running' }
  | { readonly at: 'askingCommit'; readonly final: Final }
  | { readonly at: 'committing'; readonly final: Final }
  | { readonly at: 'awaitingSafe'; readonly final: Final; readonly wrapped: boolean }
  | { readonly at: 'resolvingKill' };

export interface Turn {
  stage: TurnStage;
  readonly command: Command;
  readonly form: ResponseForm;
  /** What is sent to the node: the client's packet, or what the machine made of it. */
  raw: Buffer;
  readonly classified: Classified | null;
  plan: Plan;
  /** May it be run again from the beginning? */
  readonly repeatable: boolean;
  attempts: number;
  /** The permission to commit is held. */
  permitted: boolean;
  /** A part of the answer reached the client: it cannot be run again unseen. */
  relayed: boolean;
  /** Number of the last packet of this exchange that the client sent or got. */
  sequence: number;
  /** A long command is still being received. */
  streaming: boolean;
  /** The node asked for packets of the client in the middle of its answer. */
  dialogue: 'file' | 'authentication' | null;
  /** The transaction must be rolled back as soon as the statement ends and the node's kill was confirmed. */
  condemned: { killed: boolean; final: Final | null } | null;
  /** The transaction that wraps the statement could not be opened. */
  beginFailed: Buffer | null;
}

export function newTurn(
  command: Command,
  raw: Buffer,
  plan: Plan,
  classified: Classified | null,
  repeatable: boolean,
): Turn {
  return {
    stage: { at: 'running' },
    command,
    form: formOf(command),
    raw,
    classified,
    plan,
    repeatable,
    attempts: 0,
    permitted: false,
    relayed: false,
    sequence: raw[3] ?? 0,
    streaming: false,
    dialogue: null,
    condemned: null,
    beginFailed: null,
  };
}

function formOf(command: Command): ResponseForm {
  switch (command.kind) {
    case 'prepare':
      return 'prepare';
    case 'fetch':
    case 'fieldList':
      return 'rows';
    case 'statistics':
      return 'text';
    case 'changeUser':
      return 'authentication';
    default:
      return 'query';
  }
}

/** Commands that the node does not answer. */
export const unanswered = ({ kind }: Command): boolean =>
  kind === 'quit' || kind === 'closeStatement' || kind === 'longData';

/** The only statement of a text; undefined when there are more. */
export const onlyStatement = (classified: Classified | null): Statement | undefined =>
  classified?.statements.length === 1 ? classified.statements[0] : undefined;

/** Do statements of this turn read no table and call nothing? Then their failing changes nothing. */
export function touchesNothing(turn: Turn): boolean {
  if (!turn.classified) return turn.command.kind !== 'admin';
  return turn.classified.statements.every((statement) => statement.class === 'read' && statement.plain);
}
