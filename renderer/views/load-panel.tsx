/** The load generator, adjustable while it runs, and what is the lab's own: processor quota and reset. */
import { formatCount, formatMilliseconds } from '../../app/base/format.js';
import type { LoadSettings, LoadView } from '../../app/model/cluster.js';
import { setLoad, setQuota } from '../commands/commands.js';
import { NumberSlider } from '../parts/number-slider.js';
import { useConsole, useConsoleState } from '../store/console-context.js';
import { ResponseTimes } from './response-times.js';

const targetRateDefault = 1_000;

const milliseconds = (value: number | null | undefined): string =>
  value === null || value === undefined ? 'n/a' : formatMilliseconds(value);

const loadStateWords: Readonly<Record<LoadView['state'], string>> = {
  stopped: 'stopped',
  starting: 'starting',
  running: 'running',
  failed: 'failed',
};

function LoadNumbers({ load }: { readonly load: LoadView }) {
  const { sample } = load;
  return (
    <>
      <div className="numbers">
        <div>
          <b data-testid="load-rate">{sample ? formatCount(sample.transactionsPerSecond) : 'n/a'}</b>
          <span>per second</span>
        </div>
        <div>
          <b>{milliseconds(sample?.responseMsP50)}</b>
          <span>p50</span>
        </div>
        <div>
          <b>{milliseconds(sample?.responseMsP95)}</b>
          <span>p95</span>
        </div>
        <div>
          <b>{milliseconds(sample?.responseMsP99)}</b>
          <span>p99</span>
        </div>
      </div>
      <dl>
        <dt>Connected</dt>
        <dd>
          {formatCount(load.connected)} of {formatCount(load.settings.connections)}
        </dd>
        <dt>Transactions</dt>
        <dd>{formatCount(load.transactions)}</dd>
        <dt>Failed transactions</dt>
        <dd data-testid="load-failed" className={load.failedTransactions > 0 ? 'bad' : undefined}>
          {formatCount(load.failedTransactions)}
        </dd>
        {sample !== null && sample.errorsPerSecond > 0 && (
          <>
            <dt>Errors</dt>
            <dd className="bad">{formatCount(sample.errorsPerSecond)} per second</dd>
          </>
        )}
      </dl>
      {load.lastError && <p className="step-error">Last error: {load.lastError}</p>}
    </>
  );
}

function LoadControls({ load }: { readonly load: LoadView }) {
  const store = useConsole();
  const draft = useConsoleState((state) => state.loadDraft);
  const disabled = useConsoleState((state) => !setLoad.enabledWhen(state, load.settings).enabled);
  const settings = draft ?? load.settings;
  const change = (part: Partial<LoadSettings>): void =>
    void setLoad.perform(store, { ...(store.state.getState().loadDraft ?? load.settings), ...part });
  const { targetRate } = settings;
  return (
    <fieldset className="controls" disabled={disabled}>
      <legend className="sr-only">Load settings</legend>
      <NumberSlider
        label="Connections"
        value={settings.connections}
        min={0}
        max={2000}
        step={1}
        testId="load-connections"
        onChange={(connections) => change({ connections })}
      />
      <NumberSlider
        label="Share of writes"
        unit="%"
        value={settings.writePercent}
        min={0}
        max={100}
        step={1}
        testId="load-writes"
        onChange={(writePercent) => change({ writePercent })}
      />
      <label className="check">
        <input
          type="checkbox"
          data-testid="load-unlimited"
          checked={targetRate === null}
          onChange={(event) => change({ targetRate: event.target.checked ? null : targetRateDefault })}
        />
        As many transactions as the nodes give
      </label>
      {targetRate !== null && (
        <NumberSlider
          label="Target rate"
          unit="/s"
          value={targetRate}
          min={1}
          max={Math.max(10_000, targetRate)}
          step={1}
          testId="load-target"
          onChange={(value) => change({ targetRate: value })}
        />
      )}
    </fieldset>
  );
}

function LabSettings() {
  const store = useConsole();
  const note = useConsoleState((state) => state.snapshot?.processorNote ?? '');
  const cores = useConsoleState((state) => state.snapshot?.nodes[0]?.cpuQuotaCores ?? null);
  return (
    <section className="card">
      <h3>Lab</h3>
      {cores !== null && (
        <NumberSlider
          label="CPU quota of each node"
          unit="cores"
          value={cores}
          min={0.1}
          max={Math.max(4, cores)}
          step={0.1}
          testId="lab-quota"
          onChange={(value) => void setQuota.perform(store, value)}
        />
      )}
      <p className="hint">{note.charAt(0).toUpperCase() + note.slice(1)}.</p>
      <button
        type="button"
        className="button button-quiet-danger"
        data-testid="lab-reset"
        onClick={() => store.state.setState({ resetOpen: true })}
      >
        Reset lab …
      </button>
    </section>
  );
}

export function LoadPanel() {
  const known = useConsoleState((state) => state.snapshot !== null);
  const load = useConsoleState((state) => state.snapshot?.load ?? null);
  if (!known) return null;
  return (
    <div className="detail" data-testid="load-panel">
      <header className="plan-head">
        <h2>Load</h2>
        {load && <span className={`chip load-${load.state}`}>{loadStateWords[load.state]}</span>}
      </header>
      {load ? (
        <>
          <section className="card">
            <LoadNumbers load={load} />
          </section>
          <section className="card">
            <LoadControls load={load} />
          </section>
          <ResponseTimes />
        </>
      ) : (
        <p className="hint">No load generator runs here: the charts show what your applications do.</p>
      )}
      <LabSettings />
    </div>
  );
}
