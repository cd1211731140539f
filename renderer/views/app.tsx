/** The whole window. */
import { OptionsDialog } from '../parts/options-dialog.js';
import { ResetDialog } from '../parts/reset-dialog.js';
import { useConsoleState } from '../store/console-context.js';
import { Charts } from './charts.js';
import { ClusterView } from './cluster-view.js';
import { EventList } from './event-list.js';
import { SentenceBar, Trouble } from './sentence-bar.js';
import { SidePanel } from './side-panel.js';
import { TitleBar } from './title-bar.js';

/** What stands in the place of the ring before there is one. */
function Opening() {
  return (
    <section className="stage stage-opening" aria-label="Cluster">
      <div className="opening-ring" aria-hidden="true" />
    </section>
  );
}

export function App() {
  const known = useConsoleState((state) => (state.snapshot?.nodes.length ?? 0) > 0);
  const connection = useConsoleState((state) => state.connection.kind);
  // While the dialog asks, nothing behind it can be reached, by key or by screen reader.
  const asking = useConsoleState((state) => state.resetOpen || state.optionsOf !== null);
  return (
    <div className="window" data-connection={connection} inert={asking}>
      <TitleBar />
      <main className="main">
        <SentenceBar />
        <div>
          <Trouble />
        </div>
        {known ? <ClusterView /> : <Opening />}
        <Charts />
      </main>
      <SidePanel />
      <EventList />
      <ResetDialog />
      <OptionsDialog />
    </div>
  );
}
