/** Chooses the node of each new session of the lab's one address, by the policy and what is known of the nodes now. */
import type { Candidate } from '../balance/candidate.js';
import { defaultRouterSettings, Router } from '../balance/router.js';
import type { Clock } from '../base/clock.js';
import type { SessionTarget } from '../coordinator/ports.js';
import type { NodeView } from '../model/cluster.js';
import type { NodeName } from '../model/ids.js';
import type { NodeSample } from '../model/metrics.js';
import { type DecisionPage, type DecisionQuery, type Routing, weightOf } from '../model/routing.js';

/** Samples that a policy looks back on: more than the half-life of their weight covers. */
const samplesKept = 30;

export class Placement {
  readonly #router = new Router();
  readonly #clock: Clock;
  readonly #beganAtMs: number;
  readonly #samples = new Map<NodeName, NodeSample[]>();
  #targets = new Map<NodeName, SessionTarget>();
  #routing: Routing;

  constructor(clock: Clock, routing: Routing) {
    this.#clock = clock;
    this.#beganAtMs = clock.wallMs();
    this.#routing = routing;
    this.change(routing);
  }

  get routing(): Routing {
    return this.#routing;
  }

  /** Policy and weights from the next session on. */
  change(routing: Routing): void {
    this.#routing = routing;
    this.#router.change({ ...defaultRouterSettings, policy: routing.policy });
  }

  /** Nodes that take sessions from now on. */
  setTargets(targets: readonly SessionTarget[]): void {
    this.#targets = new Map(targets.map((target) => [target.name, target]));
  }

  /** A second's sample of a node. */
  sampled(node: NodeName, sample: NodeSample): void {
    const samples = this.#samples.get(node) ?? [];
    if (samples.at(-1)?.takenAtMs === sample.takenAtMs) return;
    samples.push(sample);
    if (samples.length > samplesKept) samples.shift();
    this.#samples.set(node, samples);
  }

  /**
   * Where the next session goes; null while no node takes sessions.
   * @param session the client's address and port, its name in the decisions
   * @param nodes the cluster as everybody sees it
   * @param counts sessions through this address, per node
   */
  choose(
    session: string,
    nodes: readonly NodeView[],
    counts: ReadonlyMap<string, number>,
  ): SessionTarget | null {
    const candidates = nodes.map((node) => this.#candidate(node, counts.get(node.name) ?? 0));
    const { winner } = this.#router.place(session, candidates, this.#clock.wallMs());
    return winner === null ? null : (this.#targets.get(winner) ?? null);
  }

  /** Why sessions went where they went, newest first. */
  decisions(query: DecisionQuery): DecisionPage {
    return { ...this.#router.decisions(query), beganAtMs: this.#beganAtMs };
  }

  #candidate(node: NodeView, connections: number): Candidate {
    return {
      node: node.name,
      state: node.state,
      // Active means that its peer found it answering queries; when it does no longer, it is failed.
      health: node.state === 'active' ? 7 : 4,
      draining: !this.#targets.has(node.name),
      connections,
      weight: weightOf(this.#routing, node.name),
      samples: this.#samples.get(node.name) ?? [],
      memoryShare: null,
      diskWaitShare: null,
    };
  }
}
