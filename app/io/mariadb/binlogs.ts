/** The binlogs of a running server: where the oldest begins, and how much of the disk they may take. */
import { type Admin, numberOf, textOf } from './admin.js';
import { readOldestBinlog } from './replication.js';

/**
 * How much binlog a node keeps, bytes. 10.11 bounds binlogs by age only, and a busy lab writes a gigabyte in minutes. A
 * node that was away for longer than this lasts gets a full copy.
 */
const keptBytesMax = 1_000_000_000;

export class Binlogs {
  #oldestFile = '';
  #oldest = '';

  /** Where the oldest binlog begins, as a GTID position; empty for the very beginning. */
  async oldestPosition(admin: Admin): Promise<string> {
    const [first] = await admin.query('SHOW BINARY LOGS');
    const file = first ? textOf(first, 'Log_name') : '';
    // The beginning of a file never changes; RESET MASTER uses the first name again, and forget() is called.
    if (file !== this.#oldestFile) {
      this.#oldest = file === '' ? '' : await readOldestBinlog(admin, file);
      this.#oldestFile = file;
    }
    return this.#oldest;
  }

  /** After RESET MASTER or data of another origin. */
  forget(): void {
    this.#oldestFile = '';
  }

  /** Removes the oldest binlogs beyond the bound. The server keeps those that a follower reads right now. */
  async purge(admin: Admin): Promise<void> {
    const logs = await admin.query('SHOW BINARY LOGS');
    let kept = 0;
    const keepFrom = logs.toReversed().find((log) => {
      kept += numberOf(log, 'File_size') ?? 0;
      return kept > keptBytesMax;
    });
    if (keepFrom) await admin.query('PURGE BINARY LOGS TO ?', [textOf(keepFrom, 'Log_name')]);
  }
}
