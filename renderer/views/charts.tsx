/** The two charts under the ring: one cursor for both, marks from the events. */
import { useMemo, useState } from 'react';
import { formatCount } from '../../app/base/format.js';
import type { NodeName } from '../../app/model/ids.js';
import type { NodeSample } from '../../app/model/metrics.js';
import { type ChartSeries, createChartCursor } from '../parts/chart-series.js';
import { LiveChart } from '../parts/live-chart.js';
import { namesOfKey, nodeNamesKey } from '../selectors/node-selectors.js';
import { useConsole, useConsoleState } from '../store/console-context.js';

const nodeSeries = (
  names: readonly NodeName[],
  value: (sample: NodeSample) => number | null,
): readonly ChartSeries[] =>
  names.map((name, index) => ({
    key: name,
    label: name,
    className: `series-${index}`,
    valueAt: (points, at) => {
      const sample = points[at]?.nodes[name];
      return sample ? value(sample) : null;
    },
  }));

const formatPercent = (value: number): string => `${Math.round(value)} %`;
const formatRate = (value: number): string =>
  value < 10 && value > 0 ? value.toFixed(1) : formatCount(value);
const formatRateTick = (value: number): string =>
  value >= 10_000 ? `${Number((value / 1000).toPrecision(3))}k` : formatCount(value);

export function Charts() {
  const { metrics } = useConsole();
  const [cursor] = useState(createChartCursor);
  const key = useConsoleState((state) => nodeNamesKey(state.snapshot));
  const events = useConsoleState((state) => state.snapshot?.events);
  const shared = useConsoleState((state) =>
    state.snapshot?.nodes.every((node) => node.cpuQuotaCores === null),
  );
  const marks = useMemo(() => events?.filter((event) => event.mark) ?? [], [events]);
  const { cpu, transactions } = useMemo(() => {
    const names = namesOfKey(key);
    const all: ChartSeries = {
      key: 'all',
      label: 'all',
      className: 'series-all',
      valueAt: (points, at) => points[at]?.transactionsInAll ?? null,
    };
    return {
      cpu: nodeSeries(names, (sample) => sample.cpuPercent),
      transactions: [all, ...nodeSeries(names, (sample) => sample.transactionsPerSecond)],
    };
  }, [key]);
  return (
    <section className="charts" aria-label="Charts">
      <h2 className="sr-only">Charts</h2>
      <LiveChart
        title="Transactions"
        unit="per second"
        testId="chart-transactions"
        history={metrics}
        cursor={cursor}
        series={transactions}
        marks={marks}
        format={formatRate}
        formatTick={formatRateTick}
      />
      <LiveChart
        title="CPU"
        unit={shared ? '% of the shared processor' : '% of quota'}
        testId="chart-cpu"
        history={metrics}
        cursor={cursor}
        series={cpu}
        marks={marks}
        fixedMax={100}
        format={formatPercent}
        formatTick={formatCount}
      />
    </section>
  );
}
