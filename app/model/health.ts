/**
 * What is wrong now, and what one failure would break: two tables of the same form. Each entry has a code, a priority,
 * the operator's words, what to do, and a pure test of the snapshot. Windows and the command line show the same list.
 */
import { formatBytes, formatCount, formatSeconds } from '../base/format.js';
import type { ClusterSnapshot, NodeView } from './cluster.js';
import type { NodeName } from './ids.js';
import { replicates, type TargetState } from './node-state.js';
import { isRunning } from './plan.js';
import { failuresTolerated, listNames } from './sentence.js';

/** `bad`: act now. `warning`: act today. `note`: as it is meant to be, and good to know. */
export type Severity = 'bad' | 'warning' | 'note';

/** One line of the list. */
export interface Finding {
  readonly code: FindingCode;
  /** Something is wrong now, or one failure would make it so. */
  readonly kind: 'problem' | 'weak-point';
  readonly severity: Severity;
  readonly node: NodeName | null;
  /** One sentence. */
  readonly words: string;
  readonly remedy: string;
  /** The state change that mends it, where there is one: its plan is shown before anything happens. */
  readonly command: { readonly node: NodeName; readonly target: TargetState } | null;
}

type Found = Omit<Finding, 'code' | 'kind' | 'severity'> & { readonly severity?: Severity };

interface Entry {
  readonly code: string;
  readonly kind: Finding['kind'];
  readonly severity: Severity;
  readonly match: (facts: ClusterSnapshot, nowMs: number) => readonly Found[];
}

const found = (words: string, remedy: string, node: NodeName | null = null): Found => ({
  node,
  words,
  remedy,
  command: null,
});
const foundAt = (node: NodeView, words: string, remedy: string): Found => found(words, remedy, node.name);
/** With the state change that mends it. */
const mend = (finding: Found, node: NodeView, target: TargetState = 'active'): Found => ({
  ...finding,
  command: { node: node.name, target },
});

const members = ({ nodes }: ClusterSnapshot): readonly NodeView[] =>
  nodes.filter((node) => replicates(node.state));
/** Is something under way that explains what is missing for a moment? */
const unsettled = (facts: ClusterSnapshot): boolean =>
  facts.startingUp !== null || (facts.plan !== null && isRunning(facts.plan));

/** Free space below which a server may stop soon, and below which there is no room to work. */
const diskBadShare = 0.03;
const diskLowShare = 0.1;
/** An applier that is so much behind makes its node late for everything. Changes. */
const farBehind = 5_000;
/** Clocks of hosts with time synchronisation differ by milliseconds. */
const clockAheadMs = 1_500;

/** Wrong now; the most urgent first. */
const problems = [
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
    match: ({ verification, nodes }) =>
      verification?.state === 'differs'
        ? verification.drift.slice(0, 5).map((drift) => {
            const odd = drift.odd.length === 1 ? nodes.find(({ name }) => name === drift.odd[0]) : undefined;
            if (!odd || odd.state === 'offline')
              return found(
                `${drift.words}.`,
                odd
                  ? `Bring ${odd.name} online again: it gets a full copy.`
                  : 'Decide which node is right, take the others offline, and bring them back by a full copy.',
                odd?.name ?? null,
              );
            return mend(
              foundAt(
                odd,
                `${drift.words}.`,
                `Take ${odd.name} offline, then bring it online: it gets a full copy.`,
              ),
              odd,
              'offline',
            );
          })
        : [],
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
    match: ({ nodes }) =>
      nodes
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

/** What one failure would break. */
const weakPoints = [
  {
    code: 'no-failure-tolerated',
    kind: 'weak-point',
    severity: 'warning',
    match: (facts) => {
      const count = members(facts).length;
      if (count === 0 || failuresTolerated(count) > 0) return [];
      const away = facts.nodes.find(({ state }) => state === 'offline' || state === 'failed');
      const missing = away ? `Bring ${away.name} online` : 'Add a node, or an arbiter that only votes';
      const finding =
        count === 1
          ? found('Only one node has the latest changes: no failure is tolerated.', `${missing}.`)
          : found(
              'Two nodes replicate: no failure is tolerated, because one of two is no majority.',
              `${missing}: a third member would change that.`,
            );
      return [away ? mend(finding, away) : finding];
    },
  },
  {
    code: 'one-active',
    kind: 'weak-point',
    severity: 'warning',
    match: ({ nodes }) => {
      const active = nodes.filter(({ state }) => state === 'active');
      const standby = nodes.find(({ state }) => state === 'standby');
      if (active.length !== 1 || nodes.length === 1 || !active[0]) return [];
      const finding = foundAt(
        active[0],
        `${active[0].name} alone takes sessions: when it fails, clients wait until another one does.`,
        standby ? `Make ${standby.name} active.` : 'Bring another node online.',
      );
      return [standby ? mend(finding, standby) : finding];
    },
  },
  {
    code: 'member-away',
    kind: 'weak-point',
    severity: 'warning',
    match: ({ nodes }, nowMs) =>
      nodes
        .filter(({ state, maintenance }) => state === 'maintenance' && !maintenance?.overdue)
        .map((node) => {
          const untilMs = node.maintenance?.untilMs ?? null;
          const left = untilMs === null ? '' : `, for ${formatSeconds((untilMs - nowMs) / 1000)} more`;
          return mend(
            foundAt(
              node,
              `${node.name} is in maintenance${left}, and cannot stand in for another.`,
              'Wait for its end, or bring it online when the work is done.',
            ),
            node,
          );
        }),
  },
  {
    code: 'disk-low',
    kind: 'weak-point',
    severity: 'warning',
    match: ({ nodes }) =>
      nodes.flatMap((node) => {
        const { disk, dataBytes } = node;
        if (!disk || disk.freeBytes < disk.totalBytes * diskBadShare) return [];
        const low = disk.freeBytes < disk.totalBytes * diskLowShare;
        const noRoom = disk.freeBytes < (dataBytes ?? 0);
        if (!low && !noRoom) return [];
        const why = noRoom ? `, less than a copy of the data needs (${formatBytes(dataBytes ?? 0)})` : '';
        return [
          foundAt(
            node,
            `The disk of ${node.name} has ${formatBytes(disk.freeBytes)} left of ${formatBytes(disk.totalBytes)}${why}.`,
            'Free space, or enlarge the file system.',
          ),
        ];
      }),
  },
  {
    code: 'clocks-differ',
    kind: 'weak-point',
    severity: 'warning',
    match: ({ nodes }, nowMs) =>
      nodes.flatMap((node) => {
        const aheadMs = (node.sample?.takenAtMs ?? nowMs) - nowMs;
        if (aheadMs < clockAheadMs) return [];
        return [
          foundAt(
            node,
            `The clock of ${node.name} is ${formatSeconds(aheadMs / 1000)} ahead of this machine's.`,
            'Synchronise the clocks: times in data and logs cannot be compared.',
          ),
        ];
      }),
  },
  {
    code: 'one-host',
    kind: 'weak-point',
    severity: 'warning',
    match: (facts) => {
      const hosts = new Set(facts.nodes.map(({ host }) => host));
      if (facts.nodes.length < 2 || hosts.size !== 1) return [];
      if (facts.kind === 'lab')
        return [
          {
            ...found(
              'A lab: all nodes, their network and the address for clients are on this machine.',
              'For data that matter, use a host for each node and two networks between them.',
            ),
            severity: 'note',
          },
        ];
      return [found(`All nodes are on ${[...hosts][0]}.`, 'Put each node on a host of its own.')];
    },
  },
  {
    code: 'one-network',
    kind: 'weak-point',
    severity: 'warning',
    match: (facts) => {
      const inRing = members(facts).filter(({ ring }) => (ring?.networks ?? 0) > 0);
      // A lab says so in one line with the rest.
      if (facts.kind === 'lab' || inRing.length < 2 || inRing.some(({ ring }) => ring?.networks !== 1))
        return [];
      return [
        found(
          `${listNames(inRing.map(({ name }) => name))} reach each other by one network only.`,
          'Give the nodes a second address, on another network.',
        ),
      ];
    },
  },
  {
    code: 'one-address',
    kind: 'weak-point',
    severity: 'note',
    match: ({ frontEnd, kind }) =>
      frontEnd && kind !== 'lab'
        ? [
            found(
              `Clients use one address, ${frontEnd.host}:${frontEnd.port}.`,
              'Name the addresses of several nodes in the clients, or move this one with the cluster.',
            ),
          ]
        : [],
  },
  {
    code: 'not-verified',
    kind: 'weak-point',
    severity: 'note',
    match: ({ verifiesJoins }) =>
      verifiesJoins
        ? []
        : [
            found(
              'Nodes that join are not compared with the others.',
              'Compare all nodes when there is time, or have joins verified again.',
            ),
          ],
  },
] as const satisfies readonly Entry[];

const table = [...problems, ...weakPoints];
export type FindingCode = (typeof table)[number]['code'];

const rank: Readonly<Record<Severity, number>> = { bad: 0, warning: 1, note: 2 };

/**
 * Everything that is wrong or weak, most urgent first; of equal urgency in the order of the tables.
 * @param nowMs wall clock
 */
export function findingsOf(facts: ClusterSnapshot, nowMs: number): readonly Finding[] {
  return table
    .flatMap(({ code, kind, severity, match }) =>
      match(facts, nowMs).map((each: Found): Finding => ({ severity, ...each, code, kind })),
    )
    .map((finding, place) => ({ finding, place }))
    .sort(
      (one, other) => rank[one.finding.severity] - rank[other.finding.severity] || one.place - other.place,
    )
    .map(({ finding }) => finding);
}
