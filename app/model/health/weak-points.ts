/** The table of what one failure would break. */
import { formatBytes, formatSeconds } from '../../base/format.js';
import { failuresTolerated, listNames } from '../sentence.js';
import { diskBadShare, type Entry, found, foundAt, members, mend } from './finding.js';

/** Free space below which there is no room to work. */
const diskLowShare = 0.1;
/** Clocks of hosts with time synchronisation differ by milliseconds. */
const clockAheadMs = 1_500;

/** What one failure would break. */
export const weakPoints = [
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
