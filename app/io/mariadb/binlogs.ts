/** The binlogs of a server: where the oldest begins, and how much of the disk they may take. */
import { join } from 'node:path';
import { formatGtidList } from '../../model/gtid.js';
import type { Host } from '../../model/ports.js';
import { type Admin, numberOf, textOf } from './admin.js';
import { readBinlog } from './binlog-file.js';

/**
 * How much binlog a node keeps, bytes. 10.11 bounds binlogs by age only, and a busy lab writes a gigabyte in minutes. A
 * node that was away for longer than this lasts gets a full copy.
 */
const keptBytesMax = 1_000_000_000;

export class Binlogs {
  #oldestFile = '';
  #oldest = '';

  constructor(
    private readonly host: Host,
    private readonly data: string,
  ) {}

  /**
   * Where the oldest binlog begins, as a GTID position; empty for the very beginning. Read from the files: the server
   * answers SHOW BINARY LOGS only when no commit waits for an acknowledgement (seen on 10.11), and whoever asks where a
   * node stands must not wait for its neighbours.
   */
  async oldestPosition(): Promise<string> {
    const index = await this.host.readText(join(this.data, 'binlog.index'));
    const file = index?.split('\n').find((line) => line.trim() !== '') ?? '';
    // The beginning of a file never changes; RESET MASTER uses the first name again, and forget() is called.
    if (file !== this.#oldestFile) {
      const head =
        file === '' ? null : await readBinlog(this.host, join(this.data, file), { headOnly: true });
      this.#oldest = formatGtidList(head?.before ?? []);
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
