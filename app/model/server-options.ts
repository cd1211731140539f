/** MariaDB options that an operator sets on nodes beyond what Ringmaster itself sets: name -> value, null for the default. */
import { z } from 'zod';

/** As in a defaults file, with underscores: `max_connections`. */
const optionNameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,63}$/, 'an option has small letters, digits and underscores, 64 at most');
/** One line; a value that would need quotes inside is not an option's. */
const optionValueSchema = z
  .string()
  .regex(/^[^\s"'#\\][^\r\n"'#\\]{0,199}$/, 'a value is one line of 200 characters at most, without quotes');

export const serverOptionsSchema = z.record(optionNameSchema, optionValueSchema.nullable());
export type ServerOptions = Readonly<Record<string, string | null>>;

/** "max_connections = 500, wait_timeout as by default". */
export const optionWords = (options: ServerOptions): string =>
  Object.entries(options)
    .map(([name, value]) => (value === null ? `${name} as by default` : `${name} = ${value}`))
    .join(', ');

/**
 * Reads what an operator typed, one `name = value` a line, as in a defaults file; `name =` takes an option back.
 * @returns the options, or what is wrong with the first bad line
 */
export function parseOptions(
  text: string,
): { readonly options: ServerOptions } | { readonly problem: string } {
  const options: Record<string, string | null> = {};
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const at = trimmed.indexOf('=');
    if (at < 1) return { problem: `"${trimmed}" is not name = value` };
    // MariaDB takes dashes and underscores for the same.
    const name = trimmed.slice(0, at).trim().toLowerCase().replaceAll('-', '_');
    const value = trimmed.slice(at + 1).trim();
    const wrong = optionNameSchema.safeParse(name).error ?? optionValueSchema.safeParse(value || '0').error;
    if (wrong) return { problem: `"${trimmed}": ${wrong.issues[0]?.message ?? 'it cannot be read'}` };
    options[name] = value === '' ? null : value;
  }
  return Object.keys(options).length > 0 ? { options } : { problem: 'nothing is typed' };
}
