/** Everything that is known of one node. */
import { TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { formatBytes, formatCount, formatMilliseconds, momentWords } from '../../app/base/format.js';
import { findNode, type NodeView } from '../../app/model/cluster.js';
import { stateMeanings } from '../../app/model/node-state.js';
import { stateWords } from '../../app/model/node-words.js';
import { openStateMenu } from '../commands/commands.js';
import { CommandButton } from '../parts/command-button.js';
import { Glyph } from '../parts/glyph.js';
import { useConsoleState } from '../store/console-context.js';

interface Fact {
  readonly label: string;
  /** Null is shown as not known. */
  readonly value: string | null;
}

const when = <Value,>(value: Value | null | undefined, words: (value: Value) => string): string | null =>
  value === null || value === undefined ? null : words(value);

function Facts(props: {
  readonly title: string;
  readonly facts: readonly Fact[];
  readonly children?: ReactNode;
}) {
  return (
    <section className="card">
      <h3>{props.title}</h3>
      <dl>
        {props.facts.map((fact) => (
          <div className="row" key={fact.label}>
            <dt>{fact.label}</dt>
            <dd className={fact.value === null ? 'unknown' : undefined} title={fact.value ?? undefined}>
              {fact.value ?? 'n/a'}
            </dd>
          </div>
        ))}
      </dl>
      {props.children}
    </section>
  );
}

/** Why, for whom and how long the node is set aside. */
function MaintenanceFacts({ node }: { readonly node: NodeView }) {
  const { name, maintenance } = node;
  const since = useConsoleState((state) => maintenance && momentWords(maintenance.sinceMs, state.nowMs));
  const until = useConsoleState((state) => maintenance && momentWords(maintenance.untilMs, state.nowMs));
  if (!maintenance) return null;
  const facts = [
    { label: 'Reason', value: maintenance.reason },
    { label: 'Owner', value: maintenance.owner },
    { label: 'Since', value: since },
    { label: 'Until', value: until },
  ];
  return (
    <Facts title="Maintenance" facts={facts}>
      {maintenance.overdue && (
        <p className="warning" data-testid="maintenance-overdue">
          <TriangleAlert aria-label="Warning" />{' '}
          <span>Overdue: its end time has passed. {name} stays down until somebody brings it back.</span>
        </p>
      )}
    </Facts>
  );
}

const nowFacts = ({ sample, cpuQuotaCores }: NodeView): readonly Fact[] => [
  {
    label: 'Transactions',
    value: when(sample?.transactionsPerSecond, (rate) => `${formatCount(rate)} per second`),
  },
  { label: 'Sessions', value: when(sample?.sessions, formatCount) },
  { label: 'Running a statement', value: when(sample?.sessionsRunning, formatCount) },
  {
    label: 'Rolled back for others',
    value: when(sample?.conflicts, (conflicts) => `${formatCount(conflicts)} per second`),
  },
  { label: 'CPU', value: when(sample?.cpuPercent, (percent) => `${Math.round(percent)} %`) },
  { label: 'CPU quota', value: cpuQuotaCores === null ? 'shares the processor' : `${cpuQuotaCores} cores` },
  { label: 'Memory', value: when(sample?.memoryBytes, formatBytes) },
  { label: 'One query takes', value: when(sample?.responseMs, formatMilliseconds) },
  { label: 'Load per core', value: when(sample?.loadPerCore, (load) => load.toFixed(2)) },
];

const replicationFacts = ({ replication }: NodeView): readonly Fact[] => [
  { label: 'Follows', value: replication?.predecessor ?? null },
  { label: 'Receiver', value: replication?.receiver ?? null },
  { label: 'Applier', value: replication?.applier ?? null },
  { label: 'Behind', value: when(replication?.changesBehind, (behind) => `${formatCount(behind)} changes`) },
];

const ringFacts = ({ ring }: NodeView): readonly Fact[] => [
  { label: 'State', value: ring?.words ?? null },
  { label: 'View', value: ring?.ringId ?? null },
  {
    label: 'Token',
    value: ring?.ringId == null ? null : ring.holder === null ? 'travels' : `at ${ring.holder}`,
  },
  {
    label: 'Rotation',
    value: when(ring?.rotationMs, formatMilliseconds) ?? (ring?.ringId ? 'at rest' : null),
  },
  { label: 'Position', value: when(ring?.position, formatCount) },
  // Zero: the token has not gone round in this view, so that nobody knows yet what all have applied.
  { label: 'Safe', value: when(ring?.safe || null, formatCount) },
];

const serverFacts = (node: NodeView): readonly Fact[] => [
  { label: 'Address', value: `${node.host}:${node.port}` },
  { label: 'Version', value: node.version },
  { label: 'Server id', value: String(node.serverId) },
  { label: 'Position', value: node.position },
  { label: 'Data', value: when(node.dataBytes, formatBytes) ?? (node.hasData ? null : 'none yet') },
];

/** What recovery will do about a failed node. */
function ComesBack({ node: { name, state } }: { readonly node: NodeView }) {
  const words = useConsoleState(({ snapshot, nowMs }) => {
    if (state !== 'failed' || !snapshot) return null;
    const { on, outlook } = snapshot.recovery;
    if (!on) return 'Automatic recovery is off: bring it online when it is mended.';
    const next = outlook.find(({ node }) => node === name);
    if (!next) return null;
    const why = next.words === null ? '' : ` (${next.words})`;
    if (next.atMs === null) return `It is not brought back by itself now: ${next.words}.`;
    const seconds = Math.max(0, Math.ceil((next.atMs - nowMs) / 1000));
    return `It is brought back in ${seconds} s${why}.`;
  });
  return words === null ? null : <p data-testid="comes-back">{words}</p>;
}

export function NodeDetail() {
  const node = useConsoleState((state) =>
    state.selected !== null && state.snapshot ? findNode(state.snapshot, state.selected) : undefined,
  );
  if (!node) return <p className="hint">Select a node on the ring to see everything about it.</p>;
  return (
    <div className="detail" data-testid="node-detail">
      <header className="detail-head">
        <Glyph state={node.state} overdue={node.maintenance?.overdue} className="detail-glyph" />
        <div>
          <h2>{node.name}</h2>
          <p>
            <b>{stateWords(node)}</b>: {stateMeanings[node.state]}.
          </p>
          {node.reason && <p>Why: {node.reason}.</p>}
          {node.activity && <p>Now: {node.activity}.</p>}
          <ComesBack node={node} />
        </div>
      </header>
      <CommandButton command={openStateMenu} subject={node.name}>
        Change state …
      </CommandButton>
      <MaintenanceFacts node={node} />
      <Facts title="Now" facts={nowFacts(node)} />
      <Facts title="Replication" facts={replicationFacts(node)}>
        {node.replication?.error && <p className="step-error">{node.replication.error}</p>}
      </Facts>
      <Facts title="Token ring" facts={ringFacts(node)} />
      <Facts title="Server" facts={serverFacts(node)} />
    </div>
  );
}
