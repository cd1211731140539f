/** What flows between the nodes: replication around the ring, and a copy from donor to joiner. */
import type { NodeName } from '../../app/model/ids.js';
import { runningCopy } from '../selectors/plan-selectors.js';
import { edgeBetween, type RingLayout, shorterDirection } from '../selectors/ring-layout.js';
import { useConsoleState } from '../store/console-context.js';

interface Props {
  readonly layout: RingLayout;
  readonly names: readonly NodeName[];
}

function ArrowHead(props: { readonly x: number; readonly y: number; readonly degrees: number }) {
  return (
    <path
      className="arrow-head"
      d="M-9 -5.5L2 0L-9 5.5L-6.5 0Z"
      transform={`translate(${props.x.toFixed(1)} ${props.y.toFixed(1)}) rotate(${props.degrees.toFixed(1)})`}
    />
  );
}

type Flow = 'flows' | 'connecting' | 'held' | 'broken';

/** How well a node follows its predecessor. */
function FlowEdge(props: Props & { readonly from: NodeName; readonly to: NodeName }) {
  const { layout, names, from, to } = props;
  const flow = useConsoleState((state): Flow => {
    const replication = state.snapshot?.nodes.find((node) => node.name === to)?.replication;
    if (!replication) return 'flows';
    if (replication.error !== null || replication.receiver === 'stopped') return 'broken';
    if (replication.receiver === 'connecting') return 'connecting';
    return replication.applier === 'running' ? 'flows' : 'held';
  });
  const fromIndex = names.indexOf(from);
  const toIndex = names.indexOf(to);
  if (fromIndex < 0 || toIndex < 0) return null;
  const edge = edgeBetween(layout, fromIndex, toIndex);
  return (
    <g className={`edge edge-${flow}`} data-edge={`${from}-${to}`}>
      <path className="edge-line" d={edge.path} />
      <ArrowHead {...edge.head} />
    </g>
  );
}

function CopyEdge(props: Props) {
  const { layout, names } = props;
  const donor = useConsoleState((state) => runningCopy(state.snapshot?.plan ?? null)?.donor);
  const joiner = useConsoleState((state) => runningCopy(state.snapshot?.plan ?? null)?.joiner);
  const percent = useConsoleState((state) => {
    const fraction = runningCopy(state.snapshot?.plan ?? null)?.fraction ?? null;
    return fraction === null ? null : Math.floor(fraction * 100);
  });
  const from = donor === undefined ? -1 : names.indexOf(donor);
  const to = joiner === undefined ? -1 : names.indexOf(joiner);
  if (from < 0 || to < 0) return null;
  const edge = edgeBetween(layout, from, to, shorterDirection(names.length, from, to));
  return (
    <g className="edge edge-copy" data-edge="copy">
      <path className="edge-line" d={edge.path} />
      {percent !== null && (
        <path className="edge-done" d={edge.path} pathLength={100} strokeDasharray={`${percent} 200`} />
      )}
      <ArrowHead {...edge.head} />
      {percent !== null && (
        <g transform={`translate(${edge.middle.x.toFixed(1)} ${edge.middle.y.toFixed(1)})`}>
          <rect className="edge-tag" x="-2.1em" y="-0.85em" width="4.2em" height="1.7em" rx="0.85em" />
          <text className="edge-tag-text" textAnchor="middle" dominantBaseline="central">
            {percent} %
          </text>
        </g>
      )}
    </g>
  );
}

export function RingEdges(props: Props) {
  const { layout } = props;
  const ring = useConsoleState((state) => state.snapshot?.ring);
  const members = ring ?? [];
  return (
    <svg className="edges" width={layout.width} height={layout.height} aria-hidden="true">
      <ellipse
        className="ring-track"
        cx={layout.centre.x}
        cy={layout.centre.y}
        rx={layout.radiusX}
        ry={layout.radiusY}
      />
      {members.length > 1 &&
        members.map((from, index) => {
          const to = members[(index + 1) % members.length];
          return to && <FlowEdge key={`${from}-${to}`} {...props} from={from} to={to} />;
        })}
      <CopyEdge {...props} />
    </svg>
  );
}
