/** The policy and the weights of the lab's one address: what may be set, said to everybody, and kept over a restart. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.js';
import { RingmasterError } from '../base/errors.js';
import { Lane } from '../base/lane.js';
import type { RequestHandlers } from '../contract/window.js';
import { replaceFile } from '../io/replace-file.js';
import type { FrontEndView } from '../model/cluster.js';
import type { NodeName } from '../model/ids.js';
import {
  defaultRouting,
  policyWords,
  type Routing,
  routingSchema,
  weightDefault,
  weightOf,
} from '../model/routing.js';
import { readJson } from './lab-files.js';
import { Placement } from './placement.js';

const pathIn = (folder: string): string => join(folder, 'routing.json');

export interface LabRoutingOptions {
  /** The lab's folder, where the settings are kept. */
  readonly folder: string;
  readonly nodes: readonly NodeName[];
  readonly clock: Clock;
}

export class LabRouting {
  readonly placement: Placement;
  readonly #options: LabRoutingOptions;
  readonly #setting = new Lane();
  readonly #listeners = new Set<(words: string) => void>();

  private constructor(options: LabRoutingOptions, routing: Routing) {
    this.#options = options;
    this.placement = new Placement(options.clock, routing);
  }

  /**
   * As it was set last, or least connections with equal weights.
   * @throws RingmasterError `lab.state-unreadable`
   */
  static async load(options: LabRoutingOptions): Promise<LabRouting> {
    const known = (await readJson(pathIn(options.folder), routingSchema)) ?? defaultRouting;
    const weights = weightsOf(known, options.nodes);
    // A lab may be opened with fewer nodes than it had, and those with a weight may be the ones that are gone.
    const usable = options.nodes.some((node) => weightOf({ weights }, node) > 0);
    return new LabRouting(options, {
      policy: known.policy,
      weights: usable ? weights : weightsOf(defaultRouting, options.nodes),
    });
  }

  /** As on the first day. */
  static async forget(folder: string): Promise<void> {
    await rm(pathIn(folder), { force: true });
  }

  /** The requests that are answered here. */
  readonly handlers: Pick<RequestHandlers, 'routing.decisions' | 'routing.set'> = {
    'routing.decisions': async (query) => this.placement.decisions(query),
    'routing.set': async (wanted) => {
      await this.#setting.run(() => this.#set(wanted));
      return null;
    },
  };

  /** Calls `listener` with what was changed, in words, until the returned function is called. */
  onChange(listener: (words: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The part of the front end's view that is known here. */
  view(): Pick<FrontEndView, 'policy' | 'weights'> {
    const { policy, weights } = this.placement.routing;
    const { title, meaning } = policyWords[policy];
    return { policy: { name: policy, title, meaning }, weights };
  }

  async #set(wanted: Routing): Promise<void> {
    const { folder, nodes } = this.#options;
    const stranger = Object.keys(wanted.weights).find((name) => !nodes.some((node) => node === name));
    if (stranger !== undefined)
      throw new RingmasterError('routing.unknown-node', { node: stranger, nodes: nodes.join(', ') });
    const next = { policy: wanted.policy, weights: weightsOf(wanted, nodes) };
    if (nodes.every((node) => weightOf(next, node) === 0)) throw new RingmasterError('routing.no-weight');
    const words = changeWords(this.placement.routing, next, nodes);
    if (words === '') return;
    // Kept first: what is in force and would be forgotten by a restart surprises more than a refusal.
    await replaceFile(pathIn(folder), JSON.stringify(next, null, 2));
    this.placement.change(next);
    for (const listener of this.#listeners) listener(words);
  }
}

/** The weights of exactly these nodes. */
const weightsOf = (routing: Routing, nodes: readonly NodeName[]): Routing['weights'] =>
  Object.fromEntries(nodes.map((node) => [node, weightOf(routing, node)]));

/** "policy: CPU load, to the node …; weight of db2: 0, was 1"; empty when nothing differs. */
function changeWords(before: Routing, next: Routing, nodes: readonly NodeName[]): string {
  const { title, meaning } = policyWords[next.policy];
  const policy = next.policy === before.policy ? [] : [`policy: ${title}, sessions go ${meaning}`];
  const weights = nodes.flatMap((node) => {
    const weight = weightOf(next, node);
    const was = before.weights[node] ?? weightDefault;
    if (weight === was) return [];
    return [`weight of ${node}: ${weight}, was ${was}${weight === 0 ? ' (no new sessions)' : ''}`];
  });
  return [...policy, ...weights].join('; ');
}
