/** Files that must be found whole after a crash. */
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, RingmasterError } from '../base/errors.js';

/**
 * Writes a file whole or not at all, readable by its owner only, and makes sure that content and name are on disk.
 * @throws RingmasterError `store.unwritable`
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const fresh = `${path}.new`;
  try {
    const handle = await open(fresh, 'w', 0o600);
    try {
      await handle.writeFile(text);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(fresh, path);
    // The name is a change of the folder, which has its own place in the queue of the disk.
    const folder = await open(dirname(path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    throw new RingmasterError('store.unwritable', { path, cause: messageOf(error) }, { cause: error });
  }
}
