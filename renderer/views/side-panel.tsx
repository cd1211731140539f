/** The panel at the side: the plan, the selected node, the cluster's health, the sessions, or the load. */
import { Tabs } from 'radix-ui';
import { planPercent } from '../../app/model/plan-words.js';
import { shownPlan, shownSeries } from '../selectors/plan-selectors.js';
import type { PanelPage } from '../store/cluster-store.js';
import { useConsole, useConsoleState } from '../store/console-context.js';
import { HealthBadge, HealthPanel } from './health-panel.js';
import { LoadPanel } from './load-panel.js';
import { NodeDetail } from './node-detail.js';
import { PlanCard } from './plan-card.js';
import { SeriesCard } from './series-card.js';
import { SessionsPanel } from './sessions-panel.js';

const isPage = (value: string): value is PanelPage =>
  ['plan', 'node', 'health', 'sessions', 'load'].includes(value);

export function SidePanel() {
  const store = useConsole();
  const plan = useConsoleState(shownPlan);
  const wanted = useConsoleState((state) => state.panel);
  const selected = useConsoleState((state) => state.selected);
  const series = useConsoleState(shownSeries);
  const page = wanted === 'plan' && !plan && !series ? 'load' : wanted;
  const percent =
    plan && (plan.state === 'running' || plan.state === 'aborting') ? ` ${planPercent(plan)} %` : '';
  return (
    <aside className="panel" aria-label="Details">
      <Tabs.Root
        className="tabs"
        value={page}
        onValueChange={(value) => {
          if (isPage(value)) store.state.setState({ panel: value });
        }}
      >
        <Tabs.List className="tab-list" aria-label="What the panel shows">
          {(plan || series) && <Tabs.Trigger value="plan">Plan{percent}</Tabs.Trigger>}
          <Tabs.Trigger className="tab-of-node" value="node">
            {selected ?? 'Node'}
          </Tabs.Trigger>
          <Tabs.Trigger value="health">
            Health
            <HealthBadge />
          </Tabs.Trigger>
          <Tabs.Trigger value="sessions">Sessions</Tabs.Trigger>
          <Tabs.Trigger value="load">Load</Tabs.Trigger>
        </Tabs.List>
        {(plan || series) && (
          <Tabs.Content className="tab tab-plan" value="plan" tabIndex={-1}>
            {series ? <SeriesCard series={series} /> : plan && <PlanCard plan={plan} />}
          </Tabs.Content>
        )}
        <Tabs.Content className="tab" value="node" tabIndex={-1}>
          <NodeDetail />
        </Tabs.Content>
        <Tabs.Content className="tab" value="health" tabIndex={-1}>
          <HealthPanel />
        </Tabs.Content>
        <Tabs.Content className="tab" value="sessions" tabIndex={-1}>
          <SessionsPanel />
        </Tabs.Content>
        <Tabs.Content className="tab" value="load" tabIndex={-1}>
          <LoadPanel />
        </Tabs.Content>
      </Tabs.Root>
    </aside>
  );
}
