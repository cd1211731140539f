/** The lab's token ring: its key, its first members and their addresses. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { randomHex } from '../base/random.js';
import type { RingPeerSettings } from '../contract/control.js';
import { replaceFile } from '../io/replace-file.js';
import type { NodeName } from '../model/ids.js';
import { replicates } from '../model/node-state.js';
import { fileMemory, readJson } from './lab-files.js';
import { freePorts, isFree } from './ports.js';

const fileSchema = z.object({
  cluster: z.string(),
  key: z.string(),
  founders: z.array(z.object({ member: z.number(), life: z.number(), arbiter: z.boolean() })),
  /** The first view existed: a store that is gone is now somebody else's, and not a founder's. */
  founded: z.boolean(),
});
type RingFile = z.infer<typeof fileSchema>;

const networks = ['127.0.0.1', '127.0.0.2'] as const;
const timings = { expelAfterMs: 250, probeAfterMs: 10 };

const pathIn = (folder: string): string => join(folder, 'ring.json');
const save = (folder: string, file: RingFile): Promise<void> =>
  replaceFile(pathIn(folder), JSON.stringify(file, null, 2));

export class LabRing {
  #founded: boolean;

  private constructor(
    private readonly folder: string,
    private readonly file: RingFile,
    private readonly members: RingPeerSettings['members'],
  ) {
    this.#founded = file.founded;
  }

  /**
   * The ring of the lab in `folder`, made on first use.
   * @param active how many nodes a lab without memory begins with: they found the ring
   * @param sqlPorts of the servers, in the order of `names`
   * @param firstPort where the search for free ports begins
   * @throws host.port-in-use, lab.state-unreadable, store.unwritable
   */
  static async load(
    folder: string,
    names: readonly NodeName[],
    active: number,
    sqlPorts: readonly number[],
    firstPort: number,
  ): Promise<LabRing> {
    const known = await readJson(pathIn(folder), fileSchema);
    const file = known ?? (await makeFile(folder, names, active));
    if (!known) await save(folder, file);
    const ports = await freePorts(firstPort, names.length, networks[0]);
    const members = await Promise.all(
      names.map(async (node, index): Promise<RingPeerSettings['members'][number]> => {
        const port = ports[index] ?? 0;
        const second = (await isFree(port, networks[1])) ? { host: networks[1], port } : null;
        const sql = { host: networks[0], port: sqlPorts[index] ?? 0 };
        return { member: index + 1, node, addresses: [{ host: networks[0], port }, second], sql };
      }),
    );
    // A network is everybody's or nobody's.
    const whole = members.every(({ addresses }) => addresses[1] !== null);
    const same = whole
      ? members
      : members.map((each) => ({
          ...each,
          addresses: [each.addresses[0], null] as [(typeof each.addresses)[0], null],
        }));
    return new LabRing(folder, file, same);
  }

  /** What the peer of a node is told of the ring. @param member its number, from 1 */
  settingsOf(member: number): RingPeerSettings {
    const { cluster, key, founders, founded } = this.file;
    return {
      cluster,
      member,
      data: 'server',
      key,
      members: this.members,
      founders: founded ? null : founders,
      timings,
    };
  }

  /** A view exists: founding is over. */
  async viewSeen(): Promise<void> {
    if (this.#founded) return;
    this.#founded = true;
    await save(this.folder, { ...this.file, founded: true });
  }

  static async forget(folder: string): Promise<void> {
    await rm(pathIn(folder), { force: true });
  }
}

async function makeFile(folder: string, names: readonly NodeName[], active: number): Promise<RingFile> {
  const memory = await fileMemory(folder).load();
  const first = names.filter((name, index) =>
    memory ? replicates(memory.nodes[name]?.wanted ?? 'offline') : index < active,
  );
  const founders = first.length > 0 ? first : names;
  return {
    cluster: `lab-${randomHex(4)}`,
    key: randomHex(32),
    founders: founders.map((name) => ({
      member: names.indexOf(name) + 1,
      life: Number.parseInt(randomHex(6), 16) || 1,
      arbiter: false,
    })),
    founded: false,
  };
}
