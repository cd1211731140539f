/** What the peers say of the token ring, as people and the coordinator read it. */
import type { PeerStatus, RingStatus } from '../contract/control.js';
import type { NodeRingView, TokenView } from '../model/cluster.js';
import { type NodeName, nodeName } from '../model/ids.js';

/** A node and its peer, as far as the ring goes. */
interface RingPeer {
  readonly name: NodeName;
  /** null while the peer is not reached. */
  readonly control: object | null;
  readonly status: PeerStatus | null;
}

/** What its peer says of the ring; null while the peer is not reached. */
export const ringOf = (node: RingPeer): RingStatus | null => (node.control && node.status?.ring) ?? null;

/** The newest view that any peer is in. */
export function newestView(nodes: readonly RingPeer[]): RingStatus['view'] {
  return nodes.reduce<RingStatus['view']>((newest, node) => {
    const view = ringOf(node)?.view ?? null;
    return view && view.ringId > (newest?.ringId ?? 0) ? view : newest;
  }, null);
}

/** The ring of the cluster for people. */
export function tokenViewOf(nodes: readonly RingPeer[]): TokenView | null {
  const view = newestView(nodes);
  if (!view) return null;
  const inside = nodes.filter((node) => ringOf(node)?.view?.ringId === view.ringId);
  const holder = inside.find((node) => ringOf(node)?.holds);
  const fastest = inside
    .map((node) => ringOf(node))
    .reduce<RingStatus | null>(
      (best, ring) => (ring && ring.rotationsPerSecond > (best?.rotationsPerSecond ?? -1) ? ring : best),
      null,
    );
  return {
    ringId: view.name,
    members: view.members.map(({ node }) => nodeName(node)),
    holder: holder?.name ?? null,
    rotationsPerSecond: fastest?.rotationsPerSecond ?? 0,
    rotationMs: fastest?.rotationMs?.p50 ?? null,
  };
}

/** A node's part in the ring for people. */
export function nodeRingView(ring: RingStatus | null | undefined): NodeRingView | null {
  if (!ring) return null;
  return {
    words: ring.words,
    ringId: ring.view?.name ?? null,
    holder: ring.holder === null ? null : nodeName(ring.holder),
    rotationMs: ring.rotationMs?.p50 ?? null,
    position: ring.position.received,
    safe: ring.safe,
    sees: Object.fromEntries(ring.others.map(({ node, sees }) => [nodeName(node), sees])),
    networks: new Set(ring.others.flatMap(({ networks }) => networks)).size,
  };
}
