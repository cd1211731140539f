/** The table of what is wrong now. */
import { formatBytes, formatCount } from '../../base/format.js';
import type { ClusterSnapshot } from '../cluster.js';
import { openDrift } from '../drift.js';
import { replicates } from '../node-state.js';
import type { Drift } from '../verification.js';
import { diskBadShare, type Entry, type Found, found, foundAt, members, mend, unsettled } from './finding.js';

/** An applier that is so much behind makes its node late for everything. Changes. */
const farBehind = 5_000;

/** Places told in which nodes differ; the comparison itself shows more. */
const differencesTold = 5;

/** One place in which nodes differ, and what mends that. */
function differenceFound({ nodes }: ClusterSnapshot, { words, odd }: Drift): Found {
  const alone = odd.length === 1 ? nodes.find(({ name }) => name === odd[0]) : undefined;
  if (!alone)
    return found(
      `${words}.`,
      'Decide which node is right, take the others offline, and bring them back by a full copy.',
    );
  if (!replicates(alone.state))
    return mend(foundAt(alone, `${words}.`, `Bring ${alone.name} online: it gets a full copy.`), alone);
  const remedy = `Take ${alone.name} offline, then bring it online: it gets a full copy.`;
  return mend(foundAt(alone, `${words}.`, remedy), alone, 'offline');
}

/** Wrong now; the most urgent first. */
export const problems = [
  {
    code: 'cluster-problem',
    kind: 'problem',
    severity: 'bad',
    match: ({ problem }) => (problem ? [found(problem.text, problem.remedy)] : []),
  },
  {
    code: 'no-quorum',
    kind: 'problem',
    severity: 'bad',
    match: (facts) => {
      const inRing = members(facts).filter(({ ring }) => ring !== null);
      if (unsettled(facts) || inRing.length === 0 || facts.token) return [];
      const [first] = inRing;
      return [
        found(
          `No majority of the nodes agrees on the ring, so nothing is committed${first ? `: ${first.name} ${first.ring?.words}` : ''}.`,
          'Bring the nodes that are missing back, or the network between them; sessions are refused until then.',
        ),
      ];
    },
  },
  {
    code: 'no-sessions',
    kind: 'problem',
    severity: 'bad',
    match: (facts) =>
      unsettled(facts) || facts.nodes.some(({ state }) => state === 'active')
        ? []
        : [found('No node takes sessions.', 'Bring the node with the latest changes online first.')],
  },
  {
    code: 'node-failed',
    kind: 'problem',
    severity: 'bad',
    match: ({ nodes }) =>
      nodes
        .filter(({ state }) => state === 'failed')
        .map((node) =>
          mend(
            foundAt(
              node,
              `${node.name} failed${node.reason ? `: ${node.reason}` : ''}.`,
              `Bring ${node.name} online: what it lacks is copied while the others go on.`,
            ),
            node,
          ),
        ),
  },
  {
    code: 'data-differ',
    kind: 'problem',
    severity: 'bad',
    match: (facts) =>
      openDrift(facts)
        .slice(0, differencesTold)
        .map((drift) => differenceFound(facts, drift)),
  },
  {
    code: 'replication-error',
    kind: 'problem',
    severity: 'bad',
    match: (facts) =>
      members(facts)
        .filter(({ replication }) => replication?.error)
        .map((node) =>
          mend(
            foundAt(
              node,
              `Replication on ${node.name} stopped: ${node.replication?.error}.`,
              `Take ${node.name} offline and bring it online again.`,
            ),
            node,
            'offline',
          ),
        ),
  },
  {
    code: 'ring-not-closed',
    kind: 'problem',
    severity: 'bad',
    match: (facts) => {
      const { token } = facts;
      if (!token || unsettled(facts)) return [];
      return members(facts)
        .filter(({ name, ring }) => ring && !token.members.includes(name))
        .map((node) =>
          foundAt(
            node,
            `${node.name} runs and is not in the ring of the others: ${node.ring?.words}.`,
            `Look at the network of ${node.name}; it comes back by itself when it can.`,
          ),
        );
    },
  },
  {
    code: 'disk-full',
    kind: 'problem',
    severity: 'bad',
    match: ({ nodes }) =>
      nodes.flatMap((node) =>
        node.disk && node.disk.freeBytes < node.disk.totalBytes * diskBadShare
          ? [
              foundAt(
                node,
                `The disk of ${node.name} is almost full: ${formatBytes(node.disk.freeBytes)} are free.`,
                'Free space now: a server that cannot write stops.',
              ),
            ]
          : [],
      ),
  },
  {
    code: 'node-not-heard',
    kind: 'problem',
    severity: 'warning',
    match: (facts) => {
      const inRing = members(facts);
      return inRing.flatMap((node) =>
        inRing
          .filter(({ name }) => (node.ring?.sees[name] ?? 'up') !== 'up')
          .map((other) =>
            foundAt(
              other,
              `${node.name} does not hear ${other.name}.`,
              `Look at the network between ${node.name} and ${other.name}.`,
            ),
          ),
      );
    },
  },
  {
    code: 'predecessor-not-reached',
    kind: 'problem',
    severity: 'warning',
    match: (facts) =>
      unsettled(facts)
        ? []
        : members(facts)
            .filter(({ replication }) => replication?.predecessor && replication.receiver !== 'running')
            .map((node) =>
              foundAt(
                node,
                `${node.name} receives no changes from ${node.replication?.predecessor}.`,
                'It tries again by itself; look at the network when that lasts.',
              ),
            ),
  },
  {
    code: 'far-behind',
    kind: 'problem',
    severity: 'warning',
    match: (facts) =>
      members(facts)
        .filter(({ replication }) => (replication?.changesBehind ?? 0) > farBehind)
        .map((node) =>
          foundAt(
            node,
            `${node.name} is ${formatCount(node.replication?.changesBehind ?? 0)} changes behind.`,
            `Lower the write rate or give ${node.name} more capacity.`,
          ),
        ),
  },
  {
    code: 'maintenance-overdue',
    kind: 'problem',
    severity: 'warning',
    match: ({ nodes }) =>
      nodes
        .filter(({ maintenance }) => maintenance?.overdue)
        .map((node) =>
          mend(
            foundAt(
              node,
              `${node.name} is in maintenance past its end time: ${node.maintenance?.reason}, asked for by ${node.maintenance?.owner}.`,
              `Ask ${node.maintenance?.owner}, then bring ${node.name} online.`,
            ),
            node,
          ),
        ),
  },
  {
    code: 'needs-copy',
    kind: 'problem',
    severity: 'warning',
    match: (facts) =>
      facts.nodes
        // Its differences are told above, with the same remedy.
        .filter(({ name }) => !openDrift(facts).some(({ odd }) => odd.length === 1 && odd[0] === name))
        .filter(
          ({ needsCopy, state }) => needsCopy !== null && state !== 'failed' && state !== 'transitional',
        )
        .map((node) => {
          const words = `${node.name} needs a full copy: ${node.needsCopy}.`;
          return replicates(node.state)
            ? mend(foundAt(node, words, `Take ${node.name} offline, then bring it online.`), node, 'offline')
            : mend(foundAt(node, words, `Bring ${node.name} online.`), node);
        }),
  },
] as const satisfies readonly Entry[];
