/** Where sessions are, who gets the next one, and why the last ones went where they went. */
import { formatCount } from '../../app/base/format.js';
import type { FrontEndView, NodeView } from '../../app/model/cluster.js';
import { weightOf } from '../../app/model/routing.js';
import { takesSessions } from '../selectors/node-selectors.js';
import { useConsoleState } from '../store/console-context.js';
import { Decisions } from './decisions.js';
import { PolicyCard } from './policy-card.js';

/** Why a node gets no new session; null when it can. */
function closedWords(node: NodeView, frontEnd: FrontEndView): string | null {
  if (node.state !== 'active') return `${node.state}: no sessions`;
  return weightOf(frontEnd, node.name) === 0 ? 'weight 0: no new sessions' : null;
}

function NodeRow({ node, frontEnd }: { readonly node: NodeView; readonly frontEnd: FrontEndView }) {
  const closed = closedWords(node, frontEnd);
  const placed = frontEnd.placed[node.name] ?? 0;
  const sampled = node.sample?.sessions ?? null;
  // The sample is up to a second older: what has been placed since is there all the same.
  const inAll = sampled === null ? null : Math.max(placed, sampled);
  return (
    <tr data-testid={`sessions-${node.name}`}>
      <th scope="row">
        {node.name}
        {closed !== null && <span className="row-note">{closed}</span>}
      </th>
      <td>{formatCount(placed)}</td>
      <td>{inAll === null ? 'n/a' : formatCount(inAll)}</td>
    </tr>
  );
}

function SessionCounts({ frontEnd }: { readonly frontEnd: FrontEndView }) {
  const nodes = useConsoleState((state) => state.snapshot?.nodes);
  const refusing = useConsoleState(({ snapshot }) => snapshot !== null && !takesSessions(snapshot));
  const hasLoad = useConsoleState((state) => state.snapshot?.load !== null);
  return (
    <section className="card">
      <table className="figures" aria-label="Sessions of each node">
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col">Placed</th>
            <th scope="col">In all</th>
          </tr>
        </thead>
        <tbody>
          {nodes?.map((node) => (
            <NodeRow key={node.name} node={node} frontEnd={frontEnd} />
          ))}
        </tbody>
      </table>
      {refusing && (
        <p className="step-error" role="status">
          New sessions are refused: no node that is active has a weight above 0.
        </p>
      )}
      <p className="hint">
        Placed: by the policy, through {frontEnd.host}:{frontEnd.port}. The others came to their node directly
        {hasLoad && ', as those of the load generator do'}.
      </p>
    </section>
  );
}

export function SessionsPanel() {
  const frontEnd = useConsoleState((state) => state.snapshot?.frontEnd ?? null);
  if (!frontEnd) return <p className="hint">The address for applications is not open yet.</p>;
  return (
    <div className="detail" data-testid="sessions-panel">
      <header className="plan-head">
        <h2>Sessions</h2>
        <span className="chip">{formatCount(frontEnd.sessions)}</span>
      </header>
      <SessionCounts frontEnd={frontEnd} />
      <PolicyCard />
      <Decisions />
    </div>
  );
}
