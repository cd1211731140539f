/**
 * What the console can be told when it starts: on the command line, else by environment variables, else defaults.
 * Chromium's own switches share the command line and are passed over; anything else unknown is refused by name.
 */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { RingmasterError } from '../app/base/errors.js';

const whole = (low: number, high: number) => z.coerce.number().int().min(low).max(high);

const optionsSchema = z.object({
  /** Where the lab keeps its servers. Default: see app/lab/folders. */
  'lab-folder': z.string().min(1).optional(),
  /** Servers of the lab. */
  nodes: whole(1, 9).default(3),
  /** How many of them are active after the start. */
  active: whole(0, 9).default(1),
  /** Port of the front end on 127.0.0.1. */
  port: whole(1, 65_535).default(6033),
  /** Connections of the load generator; 0 for no load. */
  connections: whole(0, 2000).default(350),
  /** Whether failed nodes are brought back without being asked for. Default: as set last, on at first. */
  recovery: z.enum(['on', 'off']).optional(),
  /** Light, dark, or as the system says. Default: what was chosen in the View menu. */
  theme: z.enum(['system', 'light', 'dark']).optional(),
});

type OptionName = keyof z.infer<typeof optionsSchema>;

export interface ConsoleOptions {
  readonly labFolder: string | null;
  readonly nodes: number;
  readonly active: number;
  readonly port: number;
  readonly connections: number;
  readonly recovery: boolean | null;
  readonly theme: 'system' | 'light' | 'dark' | null;
}

const optionNames = Object.keys(optionsSchema.shape) as readonly OptionName[];

/** Switches that Electron, Chromium and Node read themselves from the same command line. */
const foreignSwitch =
  /^(no-sandbox|inspect(-.*)?|remote-debugging-.*|(disable|enable|force|use|trace|ignore|allow)-.*|user-data-dir|ozone-.*|gtk-version|js-flags|lang|log-.*|v|vmodule|high-dpi-support|password-store|proxy-.*|no-proxy-server|in-process-gpu|headless|window-.*|class|name|original-process-start-time|no-zygote|single-process|test-type.*|host-.*)$/;

/** `lab-folder` -> `RINGMASTER_LAB_FOLDER`. */
export const environmentName = (option: OptionName): string =>
  `RINGMASTER_${option.toUpperCase().replaceAll('-', '_')}`;

const invalid = (option: string, problem: string): RingmasterError =>
  new RingmasterError('option.invalid', {
    option,
    problem,
    known: optionNames.map((name) => `--${name}`).join(', '),
  });

/** The options found on the command line, as text. @throws RingmasterError option.invalid */
function fromCommandLine(args: readonly string[]): Partial<Record<OptionName, string>> {
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(optionNames.map((name) => [name, { type: 'string' as const }])),
  });
  const found: Partial<Record<OptionName, string>> = {};
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') throw invalid(token.value, 'it is not an option');
    const name = optionNames.find((candidate) => candidate === token.name);
    if (!name) {
      if (foreignSwitch.test(token.name)) continue;
      throw invalid(token.rawName, 'there is no such option');
    }
    if (token.value === undefined) throw invalid(token.rawName, 'it needs a value');
    found[name] = token.value;
  }
  return found;
}

/**
 * Reads the options of the console.
 * @param args what follows the executable (and, in development, the folder of the program) on the command line
 * @throws RingmasterError option.invalid, naming the option or the environment variable and what is wrong with it
 */
export function parseOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ConsoleOptions {
  const given = fromCommandLine(args);
  const values: Record<string, string> = {};
  for (const name of optionNames) {
    const value = given[name] ?? environment[environmentName(name)];
    if (value !== undefined) values[name] = value;
  }
  const parsed = optionsSchema.safeParse(values);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const name = optionNames.find((candidate) => candidate === issue?.path[0]);
    const label = name === undefined ? 'options' : name in given ? `--${name}` : environmentName(name);
    throw invalid(label, issue?.message ?? 'it cannot be read');
  }
  const { 'lab-folder': labFolder, theme, recovery, ...numbers } = parsed.data;
  if (numbers.active > numbers.nodes) {
    throw invalid('--active', `only ${numbers.nodes} nodes are asked for`);
  }
  return {
    ...numbers,
    labFolder: labFolder ?? null,
    theme: theme ?? null,
    recovery: recovery === undefined ? null : recovery === 'on',
  };
}

/**
 * The arguments meant for us: all that follows the executable and, when the program is started from its folder
 * (`electron [switches] folder [options]`), without that folder.
 * @param argv as process.argv
 */
export function ownArguments(argv: readonly string[], isStartedFromFolder: boolean): readonly string[] {
  const args = argv.slice(1);
  if (!isStartedFromFolder) return args;
  const folder = args.findIndex((argument) => !argument.startsWith('-'));
  return folder < 0 ? args : args.toSpliced(folder, 1);
}
