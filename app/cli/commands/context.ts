/** What every command is given. */
import type { Clock } from '../../base/clock.js';
import type { ConsoleClient } from '../../io/console/client.js';
import type { ExitCode } from '../exit-codes.js';
import type { Terminal } from '../terminal.js';

export interface CommandContext {
  readonly client: ConsoleClient;
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Output for programs instead of people. */
  readonly json: boolean;
}

/** Does what was asked and answers how the program ends. */
export type Command<Options> = (context: CommandContext, options: Options) => Promise<ExitCode>;

/** Says one value as indented JSON. */
export const sayJson = (terminal: Terminal, value: unknown): void =>
  terminal.say([JSON.stringify(value, null, 2)]);

/** Says one value as a line of JSON: for output that goes on. */
export const sayJsonLine = (terminal: Terminal, value: unknown): void =>
  terminal.say([JSON.stringify(value)]);
