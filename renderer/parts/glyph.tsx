import type { NodeState } from '../../app/model/node-state.js';

interface Props {
  readonly state: NodeState;
  /** The last sample is too old: the outline is dashed. */
  readonly stale?: boolean | undefined;
  /** It should be back from maintenance already: marked beside the sign. */
  readonly overdue?: boolean | undefined;
  readonly className?: string | undefined;
}

/** The inner sign of each state: told apart by shape alone, colour only helps. */
function Sign(props: { readonly state: NodeState }) {
  switch (props.state) {
    case 'active':
      return <circle className="sign-fill" r="15" />;
    case 'standby':
      return <circle className="sign-line" r="14" strokeWidth="3.2" />;
    case 'transitional':
      return (
        <g className="sign-turning">
          <circle className="sign-line" r="15" strokeWidth="2.2" />
          <path className="sign-fill" d="M0 -15A15 15 0 0 1 0 15Z" />
        </g>
      );
    case 'maintenance':
      return (
        <path
          className="sign-line"
          transform="translate(-14.4 -14.4) scale(1.2)"
          strokeWidth="2.2"
          d="M14.7 6.3a1 1 0 0 0 0 1.4l1.6 1.6a1 1 0 0 0 1.4 0l3.77-3.77a6 6 0 0 1-7.94 7.94l-6.91 6.91a2.12 2.12 0 0 1-3-3l6.91-6.91a6 6 0 0 1 7.94-7.94l-3.76 3.76z"
        />
      );
    case 'offline':
      return <rect className="sign-fill" x="-9" y="-9" width="18" height="18" rx="2.5" />;
    case 'failed':
      return <path className="sign-line" strokeWidth="5" d="M-10.5 -10.5L10.5 10.5M10.5 -10.5L-10.5 10.5" />;
  }
}

/** A node's sign. Round outlines replicate or want to; a square one stands aside on purpose. */
export function Glyph(props: Props) {
  const { state, stale = false, overdue = false, className = '' } = props;
  const outline = `outline${stale ? ' outline-stale' : ''}`;
  return (
    <svg
      className={`glyph-sign state-${state} ${className}`}
      viewBox="-34 -34 68 68"
      aria-hidden="true"
      focusable="false"
    >
      {state === 'offline' ? (
        <rect className={outline} x="-27" y="-27" width="54" height="54" rx="10" pathLength="100" />
      ) : (
        <circle className={outline} r="31" pathLength="100" />
      )}
      <Sign state={state} />
      {overdue && (
        <g className="overdue-mark" transform="translate(23 -23)">
          <circle r="11.5" />
          <path d="M0 -5.8V1M0 5.6V5.7" />
        </g>
      )}
    </svg>
  );
}
