/** The card of a series: whose turn it is, what came of each node, and the steps of the plan that runs. */
import { Check, Circle, CircleAlert, CircleDot, Minus, TriangleAlert, X } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { formatSeconds } from '../../app/base/format.js';
import { hasEnded } from '../../app/model/plan.js';
import { elapsedSeconds, planStateWords } from '../../app/model/plan-words.js';
import type { Series, SeriesPart, SeriesPartState } from '../../app/model/series.js';
import { abortPlan } from '../commands/commands.js';
import { confirmSeries, continueSeries, dismissSeries, stopSeries } from '../commands/series-commands.js';
import { CommandButton } from '../parts/command-button.js';
import { useConsoleState } from '../store/console-context.js';
import { EffectRows, PlanSteps } from './plan-card.js';

const partIcons: Readonly<Record<SeriesPartState, typeof Check>> = {
  waiting: Circle,
  running: CircleDot,
  done: Check,
  failed: X,
  skipped: Minus,
};

const partWords = ({ state, words, from }: SeriesPart): string => {
  if (words !== null) return words;
  const plain = {
    waiting: `is ${from}`,
    running: 'its turn',
    done: 'done',
    failed: 'failed',
    skipped: 'not touched',
  };
  return plain[state];
};

function Parts({ series }: { readonly series: Series }) {
  return (
    <section className="card">
      <h3>{series.parts.length > 1 ? 'One after another' : 'Node'}</h3>
      <ol className="steps">
        {series.parts.map((part) => {
          const Icon = partIcons[part.state];
          return (
            <li
              key={part.node}
              className={`step step-${part.state}`}
              data-testid={`series-part-${part.node}`}
              data-state={part.state}
              aria-current={part.state === 'running' ? 'step' : undefined}
            >
              <Icon className="step-icon" aria-label={part.state} />
              <span className="step-title">{part.node}</span>
              <small className="step-time">{part.state === 'failed' ? 'failed' : partWords(part)}</small>
              {part.state === 'failed' && <p className="step-error">{part.words}</p>}
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function SeriesOutcome({ series }: { readonly series: Series }) {
  const { state, error, parts } = series;
  if (!hasEnded(series)) return null;
  const done = parts.filter((part) => part.state === 'done').length;
  if (state === 'done')
    return (
      <p className="outcome outcome-done" role="status">
        <Check aria-hidden="true" />
        <span>{parts.length > 1 ? `All ${parts.length} nodes are done.` : `${parts[0]?.node} is done.`}</span>
      </p>
    );
  return (
    <div className={`outcome outcome-${state}`} role="alert">
      <CircleAlert aria-hidden="true" />
      <div>
        <b>{error?.text ?? `Stopped: ${done} of ${parts.length} nodes are done.`}</b>
        {error && <p>{error.remedy}</p>}
      </div>
    </div>
  );
}

function SeriesActions({ series }: { readonly series: Series }) {
  const plan = useConsoleState((state) => state.snapshot?.plan ?? null);
  if (series.state === 'proposed')
    return (
      <>
        <CommandButton command={confirmSeries} subject={series} look="primary" testId="series-confirm" />
        <CommandButton command={dismissSeries} subject={series} testId="series-dismiss" />
      </>
    );
  if (!hasEnded(series))
    return (
      <>
        <CommandButton command={stopSeries} subject={series} testId="series-stop" />
        {plan?.state === 'running' && (
          <CommandButton command={abortPlan} subject={plan} testId="plan-abort">
            Stop now
          </CommandButton>
        )}
      </>
    );
  return (
    <>
      {series.state !== 'done' && (
        <CommandButton command={continueSeries} subject={series} look="primary" testId="series-continue" />
      )}
      <CommandButton command={dismissSeries} subject={series} testId="series-dismiss" />
    </>
  );
}

export function SeriesCard({ series }: { readonly series: Series }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const elapsed = useConsoleState((state) => {
    const seconds = elapsedSeconds(series, state.nowMs);
    return seconds === null ? null : formatSeconds(seconds);
  });
  const plan = useConsoleState((state) => {
    const current = state.snapshot?.plan ?? null;
    return current && series.parts.some((part) => part.plan === current.id) ? current : null;
  });
  const proposed = series.state === 'proposed';
  useEffect(() => {
    if (proposed) heading.current?.focus();
  }, [series.id, proposed]);
  return (
    <section
      className="plan"
      data-testid="series-card"
      data-state={series.state}
      aria-labelledby="series-title"
    >
      <div className="plan-scroll">
        <header className="plan-head">
          <h2 id="series-title" ref={heading} tabIndex={-1}>
            {series.title}
          </h2>
          <span className={`chip ${proposed ? `danger-${series.danger}` : `plan-${series.state}`}`}>
            {proposed ? series.danger : `${planStateWords[series.state]}${elapsed ? ` · ${elapsed}` : ''}`}
          </span>
        </header>
        <SeriesOutcome series={series} />
        <Parts series={series} />
        {plan && !hasEnded(series) && <PlanSteps plan={plan} />}
        <section className="card">
          <h3>Now and after</h3>
          <dl>
            <EffectRows effects={series.effects} />
          </dl>
          {proposed &&
            series.warnings.map((warning) => (
              <p className="warning" key={warning}>
                <TriangleAlert aria-label="Warning" /> <span>{warning}</span>
              </p>
            ))}
        </section>
      </div>
      <footer className="plan-actions">
        <SeriesActions series={series} />
      </footer>
    </section>
  );
}
