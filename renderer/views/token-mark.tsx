/** Where the token is: a disc on the rim of the glyph that holds it, and a line in the middle of the ring. */
import { formatCount } from '../../app/base/format.js';
import type { TokenView } from '../../app/model/cluster.js';
import type { NodeName } from '../../app/model/ids.js';
import type { RingLayout } from '../selectors/ring-layout.js';
import { useConsoleState } from '../store/console-context.js';

/** "token at db1 · view 8.1", "token · 1,204 rotations/s". */
export function tokenWords(token: TokenView): string {
  if (token.rotationsPerSecond >= 1) return `token · ${formatCount(token.rotationsPerSecond)} rotations/s`;
  return token.holder === null
    ? `token travels · view ${token.ringId}`
    : `token at ${token.holder} · view ${token.ringId}`;
}

export function TokenMark(props: { readonly layout: RingLayout; readonly names: readonly NodeName[] }) {
  const { layout, names } = props;
  const holder = useConsoleState((state) => state.snapshot?.token?.holder ?? null);
  const place = holder === null ? undefined : layout.nodes[names.indexOf(holder)];
  if (!place) return null;
  const towardX = layout.centre.x - place.x;
  const towardY = layout.centre.y - place.y;
  const distance = Math.hypot(towardX, towardY) || 1;
  const x = place.x + (towardX / distance) * layout.glyphRadius;
  const y = place.y + (towardY / distance) * layout.glyphRadius;
  return (
    <span
      // It glides from holder to holder, not from one size of the window to another.
      key={`${layout.width}x${layout.height}`}
      className="token-mark"
      data-testid="token"
      data-holder={holder}
      title={`${holder} holds the token: the permission to commit`}
      style={{ transform: `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)` }}
    />
  );
}
