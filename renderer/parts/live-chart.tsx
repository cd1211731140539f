/**
 * One live chart, five minutes wide. React draws the frame; lines, marks and cursor are moved by hand once per new point.
 * Measured with two charts of four lines and 300 points: a charting library (recharts 3) took 37 ms per second of news
 * (p95 67 ms); this takes under 2 ms. The budget of a frame is 4 ms.
 */
import { type KeyboardEvent, type PointerEvent, useEffect, useId, useMemo, useRef, useState } from 'react';
import { useStore } from 'zustand';
import type { ClusterEvent } from '../../app/model/cluster.js';
import { highest, linePath, nearestIndex, steadyMax, ticksTo } from '../selectors/chart-geometry.js';
import { historyMs, type MetricsHistory } from '../store/metrics-history.js';
import { ChartLegend } from './chart-legend.js';
import type { ChartCursor, ChartSeries } from './chart-series.js';
import { useSize } from './use-size.js';

interface Props {
  readonly title: string;
  /** What the numbers are, for the heading: "% of quota". */
  readonly unit: string;
  readonly testId: string;
  readonly history: MetricsHistory;
  readonly cursor: ChartCursor;
  readonly series: readonly ChartSeries[];
  readonly marks: readonly ClusterEvent[];
  /** Top of the axis when it does not follow the data. */
  readonly fixedMax?: number | undefined;
  readonly format: (value: number) => string;
  /** Short form for the axis. */
  readonly formatTick: (value: number) => string;
}

interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const minuteTicks = [0, 1, 2, 3, 4, 5];
/** How near the cursor must be to a mark to read it, pixels. */
const markReachPixels = 7;

/** Renders again when the axis must grow or may shrink; every other new point is drawn without React. */
function useTop(
  history: MetricsHistory,
  series: readonly ChartSeries[],
  fixedMax: number | undefined,
): number {
  const [top, setTop] = useState(fixedMax ?? 10);
  useEffect(() => {
    const follow = (): void => {
      const value = highest(
        history.points(),
        series.map((one) => one.valueAt),
      );
      setTop((current) =>
        fixedMax === undefined
          ? steadyMax(current, value)
          : value > fixedMax * 1.02
            ? steadyMax(current, value)
            : fixedMax,
      );
    };
    follow();
    return history.subscribe(follow);
  }, [history, series, fixedMax]);
  return top;
}

const clockTime = (atMs: number): string => new Date(atMs).toLocaleTimeString('en-GB');

/** Moves lines, marks and cursor to where they belong now. */
function draw(root: SVGSVGElement, flag: HTMLElement, props: Props, frame: Frame, top: number): void {
  const points = props.history.points();
  const endMs = points.at(-1)?.atMs ?? 0;
  const span = frame.right - frame.left;
  const toX = (atMs: number): number => frame.right - ((endMs - atMs) / historyMs) * span;
  const toY = (value: number): number =>
    frame.bottom - (Math.min(value, top * 1.02) / top) * (frame.bottom - frame.top);
  for (const one of props.series) {
    const path = root.querySelector(`[data-series="${one.key}"]`);
    path?.setAttribute('d', linePath(points, one.valueAt, toX, toY));
  }
  for (const mark of root.querySelectorAll<SVGGElement>('[data-at]')) {
    const x = toX(Number(mark.dataset.at));
    mark.setAttribute('transform', `translate(${x.toFixed(1)} 0)`);
    mark.setAttribute('visibility', x >= frame.left && x <= frame.right ? 'visible' : 'hidden');
  }
  const { atMs } = props.cursor.getState();
  const line = root.querySelector('.chart-cursor');
  const shown = atMs !== null && points.length > 0;
  line?.setAttribute('visibility', shown ? 'visible' : 'hidden');
  flag.hidden = !shown;
  if (!shown) return;
  const x = Math.min(frame.right, Math.max(frame.left, toX(atMs)));
  line?.setAttribute('transform', `translate(${x.toFixed(1)} 0)`);
  const near = props.marks.findLast((mark) => Math.abs(toX(mark.atMs) - x) <= markReachPixels);
  flag.textContent = near ? `${clockTime(near.atMs)}  ${near.text}` : clockTime(atMs);
  const width = flag.offsetWidth;
  flag.style.transform = `translateX(${Math.round(Math.min(frame.right - width, Math.max(frame.left, x - width / 2)))}px)`;
}

/** Says at which time the pointer or the arrow keys look. */
function useLooking(props: Props, frame: Frame | null) {
  const { cursor, history } = props;
  const move = (atMs: number | null): void => {
    const points = history.points();
    const index = atMs === null ? -1 : nearestIndex(points, atMs);
    cursor.setState({ atMs: atMs === null ? null : (points[index]?.atMs ?? atMs) });
  };
  return {
    onPointerMove(event: PointerEvent<HTMLDivElement>) {
      const endMs = history.latest()?.atMs;
      if (!frame || endMs === undefined) return;
      const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
      const share = Math.min(1, Math.max(0, (x - frame.left) / (frame.right - frame.left)));
      move(endMs - (1 - share) * historyMs);
    },
    onPointerLeave: () => move(null),
    onBlur: () => move(null),
    onKeyDown(event: KeyboardEvent<HTMLDivElement>) {
      const endMs = history.latest()?.atMs;
      if (endMs === undefined) return;
      const atMs = cursor.getState().atMs ?? endMs;
      const stepMs = event.shiftKey ? 15_000 : 1_000;
      if (event.key === 'ArrowLeft') move(Math.max(endMs - historyMs, atMs - stepMs));
      else if (event.key === 'ArrowRight') move(Math.min(endMs, atMs + stepMs));
      else if (event.key === 'Home') move(endMs - historyMs);
      else if (event.key === 'End') move(endMs);
      else if (event.key === 'Escape') move(null);
      else return;
      event.preventDefault();
    },
  };
}

function Marks(props: { readonly marks: readonly ClusterEvent[]; readonly frame: Frame }) {
  const { marks, frame } = props;
  return (
    <g>
      {marks.map((mark) => (
        <g
          key={mark.id}
          data-at={mark.atMs}
          className={`chart-mark severity-${mark.severity}`}
          visibility="hidden"
        >
          <title>{`${clockTime(mark.atMs)} ${mark.text}`}</title>
          <line y1={frame.top} y2={frame.bottom} />
          <path d={`M-4 ${frame.top - 4}H4L0 ${frame.top + 2}Z`} />
        </g>
      ))}
    </g>
  );
}

export function LiveChart(props: Props) {
  const { title, unit, testId, history, cursor, series, marks, fixedMax, format, formatTick } = props;
  const plot = useRef<HTMLDivElement>(null);
  const svg = useRef<SVGSVGElement>(null);
  const flag = useRef<HTMLDivElement>(null);
  const headingId = useId();
  const size = useSize(plot);
  const top = useTop(history, series, fixedMax);
  const frame = useMemo<Frame | null>(
    () =>
      size && {
        left: size.unit * 3.1,
        right: size.width - 4,
        top: 8,
        bottom: size.height - size.unit * 1.5,
      },
    [size],
  );
  const looking = useLooking(props, frame);

  useEffect(() => {
    const latest = { ...props, series, marks };
    let frameRequest = 0;
    const redraw = (): void => {
      frameRequest = 0;
      if (svg.current && flag.current && frame) draw(svg.current, flag.current, latest, frame, top);
    };
    const schedule = (): void => {
      frameRequest ||= requestAnimationFrame(redraw);
    };
    redraw();
    const endings = [history.subscribe(schedule), cursor.subscribe(schedule)];
    return () => {
      cancelAnimationFrame(frameRequest);
      for (const end of endings) end();
    };
  });

  const cursorShown = useStore(cursor, (state) => state.atMs !== null);
  return (
    <figure className="chart" data-testid={testId} aria-labelledby={headingId}>
      <figcaption className="chart-head">
        <h3 id={headingId}>
          {title} <span>{unit}</span>
        </h3>
        <ChartLegend history={history} cursor={cursor} series={series} format={format} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move the cursor along the lines */}
      <div className="plot" ref={plot} role="img" tabIndex={0} aria-labelledby={headingId} {...looking}>
        {size && frame && (
          <svg ref={svg} width={size.width} height={size.height} aria-hidden="true">
            {ticksTo(top).map((tick) => {
              const y = Math.round(frame.bottom - (tick / top) * (frame.bottom - frame.top)) + 0.5;
              return (
                <g key={tick}>
                  <line
                    className={tick === 0 ? 'chart-base' : 'chart-grid'}
                    x1={frame.left}
                    x2={frame.right}
                    y1={y}
                    y2={y}
                  />
                  <text
                    className="chart-tick"
                    x={frame.left - 6}
                    y={y}
                    textAnchor="end"
                    dominantBaseline="central"
                  >
                    {formatTick(tick)}
                  </text>
                </g>
              );
            })}
            {minuteTicks.map((minutes) => (
              <text
                key={minutes}
                className="chart-tick"
                x={frame.right - (minutes / 5) * (frame.right - frame.left)}
                y={size.height - size.unit * 0.35}
                textAnchor={minutes === 0 ? 'end' : minutes === 5 ? 'start' : 'middle'}
              >
                {minutes === 0 ? 'now' : `−${minutes}${minutes === 5 ? ' min' : ''}`}
              </text>
            ))}
            <Marks marks={marks} frame={frame} />
            {series.map((one) => (
              <path key={one.key} data-series={one.key} className={`chart-line ${one.className}`} />
            ))}
            <line className="chart-cursor" y1={frame.top} y2={frame.bottom} visibility="hidden" />
          </svg>
        )}
        <div className="chart-flag" ref={flag} hidden aria-live={cursorShown ? 'polite' : 'off'} />
      </div>
    </figure>
  );
}
