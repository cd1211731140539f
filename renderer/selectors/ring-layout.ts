/**
 * Where everything stands on the ring: pure geometry in pixels. Nodes stand on an ellipse, the first one at the top for odd
 * numbers and beside it for even ones, so that labels always find room: above the top node, beside all others.
 */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface LabelBox {
  /** Which side of the glyph it is on; decides the alignment of its text. */
  readonly side: 'above' | 'left' | 'right';
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedNode extends Point {
  /** Radians, clockwise from the right. */
  readonly angle: number;
  readonly label: LabelBox;
}

export interface RingLayout {
  readonly width: number;
  readonly height: number;
  readonly centre: Point;
  readonly radiusX: number;
  readonly radiusY: number;
  /** Of one glyph. */
  readonly glyphRadius: number;
  readonly nodes: readonly PlacedNode[];
}

/** Space between a glyph and its label, and between anything and the border, in text units. */
const gap = 0.75;
const margin = 0.5;
const lineHeight = 1.4;

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** Lines of text beside a glyph: fewer when many nodes share the height. */
export const labelLines = (count: number): number => (count <= 5 ? 4 : count <= 7 ? 3 : 2);

/**
 * @param width of the stage, pixels
 * @param height of the stage, pixels
 * @param count nodes, at least 1
 * @param unit size of the text, pixels: all spacing follows it
 */
export function layOutRing(width: number, height: number, count: number, unit: number): RingLayout {
  const odd = count % 2 === 1;
  const start = -Math.PI / 2 + (odd ? 0 : Math.PI / count);
  const glyphRadius = clamp(Math.min(width, height) * (count > 6 ? 0.055 : 0.075), unit * 1.5, unit * 3);
  const labelHeight = labelLines(count) * unit * lineHeight;
  const topLabelHeight = Math.min(3, labelLines(count)) * unit * lineHeight;
  const border = unit * margin;
  const above = odd ? topLabelHeight + unit * 0.4 + glyphRadius + border : glyphRadius + border;
  // Labels of low nodes hang lower than their glyphs, away from the edges that come in from above.
  const shift = count > 4 ? glyphRadius * 0.75 : 0;
  const lowest = Math.max(
    ...Array.from({ length: count }, (_, index) => Math.sin(start + (index * 2 * Math.PI) / count)),
  );
  // The lowest label must fit, and so must the bottom of the ring, where edges pass.
  const underLowest = Math.max(glyphRadius, lowest * shift + labelHeight / 2) + border;
  const underRing = glyphRadius * 0.6 + border;
  const room = Math.min((height - above - underRing) / 2, (height - above - underLowest) / (1 + lowest));
  const radiusY = clamp(room, unit * 4, unit * 24);
  const below = Math.max(underRing, underLowest - radiusY * (1 - lowest));
  const centreY = above + radiusY + Math.max(0, (height - above - below - 2 * radiusY) / 2);
  const sideLabel = clamp(width * 0.22, unit * 9, unit * 17);
  const roomX = width / 2 - border - sideLabel - unit * gap - glyphRadius;
  const radiusX = clamp(Math.min(radiusY * 1.4, roomX), unit * 6, unit * 34);
  const centre = { x: width / 2, y: centreY };
  const nodes = Array.from({ length: count }, (_, index): PlacedNode => {
    const angle = start + (index * 2 * Math.PI) / count;
    const x = centre.x + radiusX * Math.cos(angle);
    const y = centre.y + radiusY * Math.sin(angle);
    const onTop = odd && index === 0;
    if (onTop) {
      const labelWidth = Math.min(width - 2 * border, unit * 34);
      const top = y - glyphRadius - unit * 0.4 - topLabelHeight;
      const label: LabelBox = {
        side: 'above',
        left: x - labelWidth / 2,
        top,
        width: labelWidth,
        height: topLabelHeight,
      };
      return { x, y, angle, label };
    }
    const right = Math.cos(angle) >= 0;
    const edge = right ? x + glyphRadius + unit * gap : x - glyphRadius - unit * gap;
    const labelWidth = Math.min(unit * 19, right ? width - border - edge : edge - border);
    const top = clamp(y + shift * Math.sin(angle) - labelHeight / 2, 0, height - labelHeight);
    const left = right ? edge : edge - labelWidth;
    return {
      x,
      y,
      angle,
      label: { side: right ? 'right' : 'left', left, top, width: labelWidth, height: labelHeight },
    };
  });
  return { width, height, centre, radiusX, radiusY, glyphRadius, nodes };
}

/** A drawn edge: its path, where its arrow head points, and its middle. */
export interface EdgePath {
  readonly path: string;
  readonly head: Point & { readonly degrees: number };
  readonly middle: Point;
}

const samples = 96;

/**
 * The way from one node to another along the ring. It passes nodes in between on the inside, so an edge never runs
 * through a glyph that has no part in it.
 * @param direction 1 with the clock, -1 against it
 */
export function edgeBetween(layout: RingLayout, from: number, to: number, direction: 1 | -1 = 1): EdgePath {
  const count = layout.nodes.length;
  const steps = (direction === 1 ? to - from + count : from - to + count) % count || count;
  const start = layout.nodes[from]?.angle ?? 0;
  const sweep = direction * steps * ((2 * Math.PI) / count);
  // Deep enough to clear the glyphs that are passed by.
  // Deep enough to clear the glyphs that are passed by.
  const depth = steps > 1 ? (layout.glyphRadius * 1.4) / Math.min(layout.radiusX, layout.radiusY) : 0;
  // From one end to the first node that is passed it goes inward, stays there, and comes back after the last.
  const inside = (share: number): number =>
    Math.sin((Math.PI / 2) * Math.min(1, share * steps, (1 - share) * steps)) ** 0.7;
  const at = (share: number): Point => {
    const angle = start + sweep * share;
    const factor = 1 - depth * inside(share);
    return {
      x: layout.centre.x + layout.radiusX * factor * Math.cos(angle),
      y: layout.centre.y + layout.radiusY * factor * Math.sin(angle),
    };
  };
  const points = Array.from({ length: samples + 1 }, (_, index) => at(index / samples));
  const clear = layout.glyphRadius + 7;
  const away = (point: Point, index: number): boolean => {
    const node = layout.nodes[index];
    return node === undefined || Math.hypot(point.x - node.x, point.y - node.y) >= clear;
  };
  const kept = points.filter((point) => away(point, from) && away(point, to));
  const last = kept.at(-1) ?? at(0.5);
  const before = kept.at(-4) ?? at(0.45);
  const middle = kept[Math.floor(kept.length / 2)] ?? at(0.5);
  return {
    path: kept
      .map((point, index) => `${index === 0 ? 'M' : 'L'}${point.x.toFixed(1)} ${point.y.toFixed(1)}`)
      .join(''),
    head: { ...last, degrees: (Math.atan2(last.y - before.y, last.x - before.x) * 180) / Math.PI },
    middle,
  };
}

/** The shorter way round. */
export function shorterDirection(count: number, from: number, to: number): 1 | -1 {
  return (to - from + count) % count <= count / 2 ? 1 : -1;
}
