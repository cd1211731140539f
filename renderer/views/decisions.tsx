/** The latest decisions, live while they are looked at, and the score table of the one that is asked about. */
import { Check, X } from 'lucide-react';
import { ToggleGroup } from 'radix-ui';
import { memo, useEffect, useRef } from 'react';
import type { NodeName } from '../../app/model/ids.js';
import { type Decision, policyWords, type Score } from '../../app/model/routing.js';
import { explainDecision, filterDecisions } from '../commands/routing-commands.js';
import { CommandButton } from '../parts/command-button.js';
import { answerWords, questionWords, rowWords, scaleWords, scoreWords } from '../selectors/decision-words.js';
import { namesOfKey, nodeNamesKey } from '../selectors/node-selectors.js';
import { useConsole, useConsoleState } from '../store/console-context.js';
import { watchDecisions } from '../store/watch-decisions.js';

const clockTime = (atMs: number): string => new Date(atMs).toLocaleTimeString('en-GB');

function ScoreRow({ decision, score }: { readonly decision: Decision; readonly score: Score }) {
  const won = score.node === decision.winner;
  return (
    <tr data-testid={`score-${score.node}`} data-won={won}>
      <th scope="row">
        {won && <Check aria-label="chosen" />}
        {score.node}
      </th>
      <td>{scoreWords(score.score)}</td>
      <td>{rowWords(decision, score)}</td>
    </tr>
  );
}

function Explanation({ decision }: { readonly decision: Decision }) {
  const card = useRef<HTMLElement>(null);
  const { number, atMs, policy, scores } = decision;
  // The list below may have been scrolled far down when a row was chosen: each choice brings the answer into view.
  useEffect(() => card.current?.scrollIntoView({ block: 'nearest' }), [number]);
  return (
    <section className="card explanation" ref={card} data-testid="explanation">
      <header>
        <h3>{questionWords(decision)}</h3>
        <CommandButton command={explainDecision} subject={null} look="quiet" iconOnly>
          <X aria-hidden="true" />
        </CommandButton>
      </header>
      <p data-testid="answer">{answerWords(decision)}</p>
      <table className="figures scores" aria-label="Scores at that moment">
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col">Score</th>
            <th scope="col">Made of</th>
          </tr>
        </thead>
        <tbody>
          {scores.map((score) => (
            <ScoreRow key={score.node} decision={decision} score={score} />
          ))}
        </tbody>
      </table>
      <p className="hint">
        {policyWords[policy].title} at {clockTime(atMs)}. {scaleWords(decision)}
      </p>
    </section>
  );
}

function Filters() {
  const store = useConsole();
  const names = namesOfKey(useConsoleState((state) => nodeNamesKey(state.snapshot)));
  const { node, session } = useConsoleState((state) => state.decisionFilter);
  return (
    <div className="filters">
      <select
        aria-label="Only sessions of"
        data-testid="filter-node"
        value={node ?? ''}
        onChange={(event) =>
          void filterDecisions.perform(store, { node: (event.target.value || null) as NodeName | null })
        }
      >
        <option value="">All nodes</option>
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      <input
        type="text"
        aria-label="Only addresses with"
        placeholder="Address or port"
        data-testid="filter-address"
        maxLength={64}
        value={session}
        onChange={(event) => void filterDecisions.perform(store, { session: event.target.value })}
      />
    </div>
  );
}

const DecisionRow = memo(function DecisionRow({ decision }: { readonly decision: Decision }) {
  const { number, atMs, session, winner } = decision;
  return (
    <ToggleGroup.Item
      className="decision"
      value={String(number)}
      data-testid="decision"
      data-session={session}
    >
      <time dateTime={new Date(atMs).toISOString()}>{clockTime(atMs)}</time>
      <span>{session}</span>
      <b className={winner === null ? 'bad' : undefined}>{winner ?? 'refused'}</b>
    </ToggleGroup.Item>
  );
});

function emptyWords(filtered: boolean): string {
  return filtered
    ? 'None of the last thousand decisions fits.'
    : 'No session has come through the address since the lab was opened.';
}

function DecisionRows() {
  const store = useConsole();
  const entries = useConsoleState((state) => state.decisions?.entries ?? null);
  const error = useConsoleState((state) => state.decisions?.error ?? null);
  const explained = useConsoleState((state) => state.explained);
  const filtered = useConsoleState(
    ({ decisionFilter: { node, session } }) => node !== null || session.trim() !== '',
  );
  if (error !== null && entries?.length === 0) return <p className="step-error">{error.text}</p>;
  if (entries === null) return null;
  if (entries.length === 0) return <p className="hint">{emptyWords(filtered)}</p>;
  return (
    <ToggleGroup.Root
      type="single"
      orientation="vertical"
      loop={false}
      className="decisions"
      aria-label="Latest decisions"
      value={explained ? String(explained.number) : ''}
      onValueChange={(value) =>
        void explainDecision.perform(store, entries.find(({ number }) => String(number) === value) ?? null)
      }
    >
      {entries.map((decision) => (
        <DecisionRow key={decision.number} decision={decision} />
      ))}
    </ToggleGroup.Root>
  );
}

/** Mounted only while its tab is open: nothing is asked for otherwise. */
export function Decisions() {
  const store = useConsole();
  const explained = useConsoleState((state) => state.explained);
  useEffect(() => watchDecisions(store), [store]);
  return (
    <>
      {/* Screen readers only tell of what changes inside of something that was there before. */}
      <div className="answers" aria-live="polite">
        {explained && <Explanation decision={explained} />}
      </div>
      <section className="card" aria-label="Latest decisions">
        <h3>Why did a session go there?</h3>
        <Filters />
        <DecisionRows />
      </section>
    </>
  );
}
