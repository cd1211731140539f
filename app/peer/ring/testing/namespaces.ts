/**
 * Members in network namespaces of their own, joined by two networks that a test can cut. Each network is a pair of
 * bridges in a namespace between the members: a member whose port moves to the other bridge hears only those who moved
 * too, and nobody's connection is told of it, as when a switch between two rooms dies.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf } from '../../../base/errors.js';
import { randomHex } from '../../../base/random.js';

const run = promisify(execFile);
const ip = async (...words: readonly string[]): Promise<void> => {
  await run('ip', words);
};

export const networks = [0, 1] as const;

export class Namespaces {
  readonly #tag = `rm${randomHex(2)}`;
  readonly #made: string[] = [];

  private constructor(readonly members: readonly number[]) {}

  /** Makes the namespaces and both networks. @throws what `ip` says; nothing is left then */
  static async make(members: readonly number[]): Promise<Namespaces> {
    const spaces = new Namespaces(members);
    try {
      await spaces.#make();
    } catch (thrown) {
      await spaces.remove();
      throw thrown;
    }
    return spaces;
  }

  /** Why this machine or user cannot have namespaces; null when it can. */
  static async obstacle(): Promise<string | null> {
    if (process.platform !== 'linux') return 'network namespaces need Linux';
    try {
      const spaces = await Namespaces.make([1]);
      await spaces.remove();
      return null;
    } catch (thrown) {
      return messageOf(thrown).split('\n').slice(-2).join(' ').trim();
    }
  }

  /** Put before a command, it runs as that member. */
  prefix(member: number): readonly string[] {
    return ['ip', 'netns', 'exec', this.#name(member)];
  }

  host(member: number, network: number): string {
    return `10.77.${network}.${member}`;
  }

  /** These members hear only each other, on every network. */
  async separate(members: readonly number[]): Promise<void> {
    for (const network of networks) for (const member of members) await this.#plug(member, network, 'b');
  }

  async heal(): Promise<void> {
    for (const network of networks) for (const member of this.members) await this.#plug(member, network, 'a');
  }

  /** A whole network goes down, or comes back. */
  async setNetwork(network: number, up: boolean): Promise<void> {
    await this.#hub('link', 'set', `net${network}a`, up ? 'up' : 'down');
  }

  async remove(): Promise<void> {
    for (const name of this.#made.splice(0)) await ip('netns', 'del', name).catch(() => undefined);
  }

  #name(member: number | 'hub'): string {
    return `${this.#tag}-${member}`;
  }

  #hub(...words: readonly string[]): Promise<void> {
    return ip('-n', this.#name('hub'), ...words);
  }

  async #add(member: number | 'hub'): Promise<void> {
    const name = this.#name(member);
    await ip('netns', 'add', name);
    this.#made.push(name);
    await ip('-n', name, 'link', 'set', 'lo', 'up');
  }

  async #make(): Promise<void> {
    await this.#add('hub');
    for (const network of networks)
      for (const side of ['a', 'b']) {
        await this.#hub('link', 'add', `net${network}${side}`, 'type', 'bridge');
        await this.#hub('link', 'set', `net${network}${side}`, 'up');
      }
    for (const member of this.members) {
      await this.#add(member);
      for (const network of networks) await this.#wire(member, network);
    }
  }

  async #wire(member: number, network: number): Promise<void> {
    const name = this.#name(member);
    const port = `m${member}n${network}`;
    const card = `eth${network}`;
    await this.#hub('link', 'add', port, 'type', 'veth', 'peer', 'name', card, 'netns', name);
    await this.#plug(member, network, 'a');
    await this.#hub('link', 'set', port, 'up');
    await ip('-n', name, 'addr', 'add', `${this.host(member, network)}/24`, 'dev', card);
    await ip('-n', name, 'link', 'set', card, 'up');
  }

  #plug(member: number, network: number, side: 'a' | 'b'): Promise<void> {
    return this.#hub('link', 'set', `m${member}n${network}`, 'master', `net${network}${side}`);
  }
}
