/**
 * Response times of the load over the last five minutes. Drawn by recharts, which takes about 9 ms of processor time for
 * each second of news: well spent while somebody looks, too much for what is always there (parts/live-chart.tsx).
 */
import { useEffect, useRef, useState } from 'react';
import { CartesianGrid, Legend, Line, LineChart, Tooltip, XAxis, YAxis } from 'recharts';
import { formatMilliseconds } from '../../app/base/format.js';
import { useSize } from '../parts/use-size.js';
import { type ResponsePoint, responsePoints } from '../selectors/response-points.js';
import { useConsole } from '../store/console-context.js';

const heightPixels = 170;
const fiveMinutes = [-300, 0] as const;
const minuteTicks = [-300, -240, -180, -120, -60, 0];

const lines = [
  { key: 'p50', colour: 'var(--series-0)', dashes: undefined },
  { key: 'p95', colour: 'var(--series-1)', dashes: '6 3' },
  { key: 'p99', colour: 'var(--series-2)', dashes: '2 3' },
] as const;

const minutes = (secondsAgo: number): string =>
  secondsAgo === 0 ? 'now' : secondsAgo === -300 ? '−5 min' : `−${-secondsAgo / 60}`;

/** A blank would break the line in front of the unit. */
const axisWords = (value: number): string =>
  value === 0 ? '0' : formatMilliseconds(Math.round(value)).replace('.0 ', ' ').replace(' ', '\u00a0');

const secondsWords = (secondsAgo: number): string => (secondsAgo === 0 ? 'now' : `${-secondsAgo} s ago`);

function useResponsePoints(): readonly ResponsePoint[] {
  const { metrics: history } = useConsole();
  const [points, setPoints] = useState(() => responsePoints(history.points()));
  useEffect(() => history.subscribe(() => setPoints(responsePoints(history.points()))), [history]);
  return points;
}

function Chart(props: { readonly width: number }) {
  const points = useResponsePoints();
  return (
    <LineChart
      width={props.width}
      height={heightPixels}
      data={[...points]}
      margin={{ top: 8, right: 14, bottom: 0, left: 0 }}
      accessibilityLayer
    >
      <CartesianGrid vertical={false} stroke="var(--line)" />
      <XAxis
        dataKey="secondsAgo"
        type="number"
        domain={[...fiveMinutes]}
        ticks={minuteTicks}
        tickFormatter={minutes}
        tickLine={false}
        stroke="var(--line-strong)"
        tick={{ fill: 'var(--dim)', fontSize: 11 }}
      />
      <YAxis
        width={56}
        tickFormatter={axisWords}
        tickCount={4}
        axisLine={false}
        tickLine={false}
        tick={{ fill: 'var(--dim)', fontSize: 11 }}
      />
      <Tooltip
        isAnimationActive={false}
        formatter={(value) => formatMilliseconds(Number(value))}
        labelFormatter={(label) => secondsWords(Number(label))}
        contentStyle={{ background: 'var(--raised)', border: '1px solid var(--line)', borderRadius: 8 }}
      />
      <Legend itemSorter={null} iconType="plainline" wrapperStyle={{ fontSize: 12 }} />
      {lines.map(({ key, colour, dashes }) => (
        <Line
          key={key}
          dataKey={key}
          stroke={colour}
          strokeWidth={1.5}
          {...(dashes === undefined ? {} : { strokeDasharray: dashes })}
          dot={false}
          connectNulls={false}
          isAnimationActive={false}
        />
      ))}
    </LineChart>
  );
}

function Frame() {
  const frame = useRef<HTMLDivElement>(null);
  const size = useSize(frame);
  return (
    <div ref={frame} style={{ height: heightPixels }}>
      {size && <Chart width={size.width} />}
    </div>
  );
}

/** Closed until somebody asks: while it is closed it costs nothing. */
export function ResponseTimes() {
  const [open, setOpen] = useState(false);
  return (
    <details
      className="card response-times"
      data-testid="response-times"
      open={open}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>Response times of the last five minutes</summary>
      {open && <Frame />}
    </details>
  );
}
