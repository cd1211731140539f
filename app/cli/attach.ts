/** Finds the console that runs on this machine. */
import { resolve } from 'node:path';
import { RingmasterError } from '../base/errors.js';
import { type ConsoleClient, type ConsoleClientOptions, connectToConsole } from '../io/console/client.js';
import { consoleSocketPath, defaultLabFolder, labNames } from '../lab/folders.js';

/** The folders in which a console is looked for when none is named. */
export const usualFolders = (): string[] => [
  defaultLabFolder(labNames.console),
  defaultLabFolder(labNames.commandLine),
];

/**
 * Attaches to the one console that answers in one of these lab folders.
 * @throws RingmasterError `console.none`, `console.several`, `console.denied`
 */
export async function attach(
  folders: readonly string[],
  options: ConsoleClientOptions,
): Promise<ConsoleClient> {
  const looked = await Promise.allSettled(
    folders.map((folder) => connectToConsole(consoleSocketPath(resolve(folder)), options)),
  );
  const found = looked.flatMap((result, index) =>
    result.status === 'fulfilled' && result.value
      ? [{ client: result.value, folder: folders[index] ?? '' }]
      : [],
  );
  const [first, second] = found;
  if (first && !second) return first.client;
  for (const { client } of found) client.close();
  if (second)
    throw new RingmasterError('console.several', {
      folders: found.map(({ folder }) => folder).join(' and '),
    });
  const denied = looked.find((result) => result.status === 'rejected');
  if (denied) throw denied.reason;
  throw new RingmasterError('console.none', { folders: folders.join(' or ') });
}
