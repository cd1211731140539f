/** What several scripts read from their command lines. */
import { InvalidArgumentError } from 'commander';

/** A whole number above zero. @throws InvalidArgumentError for anything else */
export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('not a whole number above zero');
  return value;
}
