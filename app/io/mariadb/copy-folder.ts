/** What is done with a copy on the joiner's disk: prepared, swapped in, taken back, accepted. */
import { join } from 'node:path';
import { RingmasterError } from '../../base/errors.js';
import { randomHex } from '../../base/random.js';
import type { PeerSettings } from '../../contract/control.js';
import type { Host } from '../../model/ports.js';
import { requireCommand } from './copy.js';
import type { NodeFolder } from './node-folder.js';

/** Says that a copy is whole and prepared. */
const preparedMark = 'ringmaster-prepared';

export class CopyFolder {
  readonly #settings: PeerSettings;
  readonly #folder: NodeFolder;
  readonly #host: Host;

  constructor(settings: PeerSettings, folder: NodeFolder, host: Host) {
    this.#settings = settings;
    this.#folder = folder;
    this.#host = host;
  }

  /** A crash between the two renames of a swap leaves no data: the old data comes back. Trash is emptied. */
  async recover(): Promise<void> {
    const { data, oldData, trash } = this.#folder;
    if (!(await this.#host.stat(data)) && (await this.#host.stat(oldData)))
      await this.#host.rename(oldData, data);
    await this.#host.remove(trash);
  }

  async isPrepared(): Promise<boolean> {
    return (await this.#host.stat(join(this.#folder.copy, preparedMark))) !== undefined;
  }

  /**
   * Makes the copy consistent.
   * @returns the GTID position of the copy, from the third column of xtrabackup_binlog_info (`gtid_current_pos` of the
   *   donor at the moment of the copy); empty when the donor never wrote.
   * @throws snapshot.failed
   */
  async prepare(signal: AbortSignal): Promise<string> {
    const command = await requireCommand(this.#host, ['mariabackup', 'mariadb-backup']);
    const { copy } = this.#folder;
    if (!(await this.#host.stat(copy))) throw this.#failed('there is no copy');
    const megabytes = Math.max(64, this.#settings.bufferPoolMegabytes);
    const result = await this.#host.run(
      [command, '--no-defaults', '--prepare', `--use-memory=${megabytes}M`, `--target-dir=${copy}`],
      { runAs: this.#settings.runAs, signal },
    );
    if (result.exitCode !== 0)
      throw this.#failed(`mariabackup --prepare: ${result.stderr.split('\n').slice(-3).join(' ').trim()}`);
    const position = await this.#readPosition();
    await this.#host.writeText(join(copy, preparedMark), `${position}\n`, {
      mode: 0o640,
      owner: this.#settings.runAs,
    });
    return position;
  }

  /** Puts the prepared copy in the place of the data. The server must be stopped. */
  async swap(): Promise<void> {
    const { data, oldData, copy } = this.#folder;
    if (!(await this.isPrepared())) throw this.#failed('there is no prepared copy');
    if (await this.#host.stat(data)) {
      // Data that came by a copy which nobody accepted: what stood before it is still the last data that was verified.
      if (await this.#host.stat(oldData)) await this.#throwAway(data);
      else await this.#host.rename(data, oldData);
    }
    // An empty folder stands for "there was nothing": taking the swap back leads there again.
    else await this.#host.makeFolder(oldData, { mode: 0o750, owner: this.#settings.runAs });
    await this.#host.rename(copy, data);
    await this.#host.remove(join(data, preparedMark));
  }

  /** Throws the copy away; after a swap the old data comes back. */
  async discard(): Promise<void> {
    const { data, oldData, copy } = this.#folder;
    await this.#throwAway(copy);
    if (!(await this.#host.stat(oldData))) return;
    await this.#throwAway(data);
    await this.#host.rename(oldData, data);
  }

  /** The old data may go: renamed now, erased in the background, because that takes long for large data. */
  async accept(): Promise<void> {
    const place = await this.#moveToTrash(this.#folder.oldData);
    // What cannot be erased now is erased when the peer starts again.
    if (place) void this.#host.remove(place).catch(() => undefined);
  }

  /** Is there a swap that was neither accepted nor taken back? */
  async isSwapped(): Promise<boolean> {
    return (await this.#host.stat(this.#folder.oldData)) !== undefined;
  }

  async #throwAway(path: string): Promise<void> {
    const place = await this.#moveToTrash(path);
    if (place) await this.#host.remove(place);
  }

  /** Renames into the trash, so that nothing half-erased is ever taken for data. Answers where it is now. */
  async #moveToTrash(path: string): Promise<string | undefined> {
    if (!(await this.#host.stat(path))) return undefined;
    const { trash } = this.#folder;
    await this.#host.makeFolder(trash, { mode: 0o700, owner: null });
    const place = join(trash, randomHex(8));
    await this.#host.rename(path, place);
    return place;
  }

  async #readPosition(): Promise<string> {
    for (const name of ['xtrabackup_binlog_info', 'mariadb_backup_binlog_info']) {
      const text = await this.#host.readText(join(this.#folder.copy, name));
      if (text !== undefined) return text.trim().split('\t')[2]?.replace(/\s/g, '') ?? '';
    }
    throw this.#failed('the copy does not say where it stands (xtrabackup_binlog_info)');
  }

  #failed(cause: string): RingmasterError {
    return new RingmasterError('snapshot.failed', { donor: 'the donor', joiner: this.#settings.node, cause });
  }
}
