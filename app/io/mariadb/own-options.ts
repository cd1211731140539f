/** The options that the operator gave a node's server: checked, kept beside its data, part of its configuration. */
import { messageOf, RingmasterError } from '../../base/errors.js';
import type { PeerSettings } from '../../contract/control.js';
import type { Host } from '../../model/ports.js';
import { type ServerOptions, serverOptionsSchema } from '../../model/server-options.js';
import type { Admin } from './admin.js';
import { reservedOptions } from './configuration.js';
import type { NodeFolder } from './node-folder.js';

export class OwnOptions {
  readonly #settings: PeerSettings;
  readonly #folder: NodeFolder;
  readonly #host: Host;

  constructor(settings: PeerSettings, folder: NodeFolder, host: Host) {
    this.#settings = settings;
    this.#folder = folder;
    this.#host = host;
  }

  /** What was given so far; none of them is null. @throws server.options-unreadable */
  async load(): Promise<Readonly<Record<string, string>>> {
    const text = await this.#host.readText(this.#folder.ownOptions);
    if (text === undefined) return {};
    try {
      const read = serverOptionsSchema.parse(JSON.parse(text));
      return Object.fromEntries(
        Object.entries(read).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
      );
    } catch (error) {
      throw new RingmasterError('server.options-unreadable', {
        node: this.#settings.node,
        path: this.#folder.ownOptions,
        cause: messageOf(error),
      });
    }
  }

  /**
   * Changes options; they hold from the server's next start.
   * @param admin to the running server, which is asked whether it knows them; null when they are known to be good
   * @returns what puts them back
   * @throws server.option-reserved, server.option-unknown
   */
  async change(options: ServerOptions, admin: Admin | null): Promise<ServerOptions> {
    const reserved = reservedOptions(this.#settings, this.#folder);
    for (const name of Object.keys(options)) {
      if (reserved.has(name)) throw new RingmasterError('server.option-reserved', { option: name });
      if (admin && (await admin.query('SHOW GLOBAL VARIABLES WHERE Variable_name = ?', [name])).length === 0)
        throw new RingmasterError('server.option-unknown', { option: name, node: this.#settings.node });
    }
    const before = await this.load();
    const next: Record<string, string> = { ...before };
    for (const [name, value] of Object.entries(options)) {
      if (value === null) delete next[name];
      else next[name] = value;
    }
    await this.#host.writeText(this.#folder.ownOptions, JSON.stringify(next, null, 2), {
      mode: 0o640,
      owner: this.#settings.runAs,
    });
    return Object.fromEntries(Object.keys(options).map((name) => [name, before[name] ?? null]));
  }
}
