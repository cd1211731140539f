/** Comparing all nodes: asked for, watched, stopped, and what the last one found. */
import { useId, useState } from 'react';
import { formatCount, formatSeconds, momentWords } from '../../app/base/format.js';
import type { NodeName } from '../../app/model/ids.js';
import type { VerificationView, VerifiedNode } from '../../app/model/verification.js';
import { setVerifiesJoins, startVerification, stopVerification } from '../commands/health-commands.js';
import { CommandButton } from '../parts/command-button.js';
import { useConsole, useConsoleState } from '../store/console-context.js';

/** Shares of the time that a node may work for a comparison. */
const shares = [
  { percent: 10, words: '10 % of the time, gently' },
  { percent: 25, words: '25 % of the time' },
  { percent: 50, words: '50 % of the time' },
  { percent: 100, words: 'all the time, quickly' },
] as const;
const usualShare = 50;

function NodeProgress({ node }: { readonly node: VerifiedNode }) {
  const { progress } = node;
  const share = progress?.total ? Math.min(1, progress.done / progress.total) : 0;
  const percent = Math.floor(share * 100);
  return (
    <li className="verify-node" data-testid={`verify-${node.name}`}>
      <span>{node.name}</span>
      {node.leftOut === null ? (
        <>
          <div
            className="bar"
            role="progressbar"
            aria-label={`Comparing ${node.name}`}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={percent}
          >
            <i style={{ transform: `scaleX(${share})` }} />
          </div>
          <span>{percent} %</span>
        </>
      ) : (
        <small>could not be compared: {node.leftOut}</small>
      )}
    </li>
  );
}

function DriftTable({ result }: { readonly result: VerificationView }) {
  const names = result.nodes.filter(({ name }) => result.drift.some(({ rows }) => name in rows));
  const rowsOf = (rows: Readonly<Record<NodeName, number | null>>, name: NodeName) => {
    const count = rows[name];
    return count === null || count === undefined ? 'none' : formatCount(count);
  };
  return (
    <div className="drift">
      <table className="figures" aria-label="Where nodes differ" data-testid="drift">
        <thead>
          <tr>
            <th scope="col">Table and range</th>
            {names.map(({ name }) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {result.drift.map((drift) => (
            <tr key={drift.words}>
              <th scope="row">
                {drift.table}
                <span className="row-note">{drift.where}</span>
              </th>
              {names.map(({ name }) => (
                <td key={name} className={drift.odd.includes(name) ? 'bad' : undefined}>
                  {rowsOf(drift.rows, name)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p className="hint">
        Rows of each range.
        {result.driftCount > result.drift.length &&
          ` ${formatCount(result.driftCount - result.drift.length)} more places are not shown.`}
      </p>
    </div>
  );
}

const outcomeOf: Readonly<Record<VerificationView['state'], string>> = {
  running: '',
  equal: 'outcome outcome-done',
  differs: 'outcome outcome-failed',
  stopped: 'outcome outcome-aborted',
  failed: 'outcome outcome-aborted',
};

/** "commits were kept back for 43 ms". */
const heldWords = (heldMs: number): string =>
  heldMs === 0 ? 'no commit was kept back' : `commits were kept back for ${formatCount(heldMs)} ms`;

function LastResult({ result }: { readonly result: VerificationView }) {
  const when = useConsoleState((state) => momentWords(result.endedAtMs ?? result.startedAtMs, state.nowMs));
  const seconds = ((result.endedAtMs ?? result.startedAtMs) - result.startedAtMs) / 1000;
  const left = result.nodes.filter(({ leftOut }) => leftOut !== null);
  return (
    <>
      <p className={outcomeOf[result.state]} role="status" data-testid="verification-outcome">
        <b>{result.words}.</b>
      </p>
      {result.error && <p className="hint">{result.error.remedy}</p>}
      {result.drift.length > 0 && <DriftTable result={result} />}
      {left.map(({ name, leftOut }) => (
        <p className="hint" key={name}>
          {name} was not compared: {leftOut}
        </p>
      ))}
      {result.notCompared.map(({ table, why }) => (
        <p className="hint" key={table}>
          {table} was not compared: {why}.
        </p>
      ))}
      <p className="hint" data-testid="verification-facts">
        {when}, asked by {result.askedBy}; took {formatSeconds(seconds)}; {heldWords(result.heldMs)}.
      </p>
    </>
  );
}

function Running({ result }: { readonly result: VerificationView }) {
  const activity = result.activity ?? 'begins';
  return (
    <>
      <p role="status">
        {activity.charAt(0).toUpperCase()}
        {activity.slice(1)} …
      </p>
      <ul className="verify-nodes">
        {result.nodes.map((node) => (
          <NodeProgress key={node.name} node={node} />
        ))}
      </ul>
      <CommandButton command={stopVerification} subject={null} testId="verify-stop" />
    </>
  );
}

/** Whether nodes that join are compared. */
function JoinOption() {
  const store = useConsole();
  const on = useConsoleState((state) => state.snapshot?.verifiesJoins ?? true);
  const disabled = useConsoleState((state) => !setVerifiesJoins.enabledWhen(state, true).enabled);
  return (
    <label className="check">
      <input
        type="checkbox"
        data-testid="verifies-joins"
        checked={on}
        disabled={disabled}
        onChange={(event) => void setVerifiesJoins.perform(store, event.target.checked)}
      />
      <span>Compare each node that joins before it takes sessions</span>
    </label>
  );
}

export function VerificationCard() {
  const result = useConsoleState((state) => state.snapshot?.verification ?? null);
  const [share, setShare] = useState<number>(usualShare);
  const shareId = useId();
  const running = result?.state === 'running';
  return (
    <section
      className="card"
      data-testid="verification"
      data-state={result?.state ?? 'none'}
      aria-label="Comparison"
    >
      <h3>Do all nodes hold the same?</h3>
      {running && <Running result={result} />}
      {result && !running && <LastResult result={result} />}
      {!result && (
        <p className="hint">
          Reads every table on all nodes at one change and compares them range by range, while clients go on
          working.
        </p>
      )}
      {!running && (
        <div className="verify-start">
          <CommandButton command={startVerification} subject={share} look="primary" testId="verify-start" />
          <label htmlFor={shareId} className="sr-only">
            How much of its time each node may work for it
          </label>
          <select
            id={shareId}
            data-testid="verify-share"
            value={share}
            onChange={(event) => setShare(Number(event.target.value))}
          >
            {shares.map(({ percent, words }) => (
              <option key={percent} value={percent}>
                {words}
              </option>
            ))}
          </select>
        </div>
      )}
      <JoinOption />
    </section>
  );
}
