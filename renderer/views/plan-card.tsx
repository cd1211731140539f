/** The plan card: what will happen, then what happens, then what came of it. */
import { Check, Circle, CircleAlert, CircleDot, Minus, TriangleAlert, Undo2, X } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { formatSeconds, momentWords } from '../../app/base/format.js';
import { stateInWords } from '../../app/model/node-state.js';
import type { Plan, PlanEffect, PlanStep, StepProgress, StepState } from '../../app/model/plan.js';
import {
  elapsedSeconds,
  planPercent,
  planStateWords,
  progressWords,
  rateWords,
  stepFraction,
} from '../../app/model/plan-words.js';
import { abortPlan, confirmPlan, dismissPlan, proposeTransition } from '../commands/commands.js';
import { CommandButton } from '../parts/command-button.js';
import { possibleDonors } from '../selectors/plan-selectors.js';
import { useConsole, useConsoleState } from '../store/console-context.js';
import { MaintenanceForm } from './maintenance-form.js';

const stepIcons: Readonly<Record<StepState, typeof Check>> = {
  waiting: Circle,
  running: CircleDot,
  done: Check,
  failed: X,
  skipped: Minus,
  undone: Undo2,
};

function StepBar(props: { readonly step: PlanStep; readonly progress: StepProgress }) {
  const { step, progress } = props;
  const fraction = stepFraction(step);
  const percent = fraction === null ? null : Math.floor(fraction * 100);
  return (
    <div className="step-progress">
      <div
        className="bar"
        role="progressbar"
        aria-label={step.title}
        aria-valuemin={0}
        aria-valuemax={100}
        {...(percent === null ? {} : { 'aria-valuenow': percent })}
      >
        <i
          className={percent === null ? 'bar-unknown' : undefined}
          style={{ transform: `scaleX(${fraction ?? 1})` }}
        />
      </div>
      <div className="bar-words">
        <span>{progressWords(progress)}</span>
        <span>{rateWords(progress)}</span>
        <span>{percent !== null && `${percent} %`}</span>
        <span>{progress.etaSeconds !== null && `${formatSeconds(progress.etaSeconds)} left`}</span>
      </div>
    </div>
  );
}

function Step({ step }: { readonly step: PlanStep }) {
  const Icon = stepIcons[step.state];
  const elapsed = useConsoleState((state) => {
    const seconds = elapsedSeconds(step, state.nowMs);
    return seconds === null ? null : formatSeconds(seconds);
  });
  return (
    <li
      className={`step step-${step.state}`}
      data-testid="plan-step"
      data-kind={step.action.kind}
      data-state={step.state}
      aria-current={step.state === 'running' ? 'step' : undefined}
    >
      <Icon className="step-icon" aria-label={step.state} />
      <span className="step-title" title={step.detail}>
        {step.title}
      </span>
      <small className="step-time">{elapsed}</small>
      {step.state === 'running' && <p className="step-detail">{step.detail}</p>}
      {step.outcome && step.state !== 'running' && <p className="step-detail">{step.outcome}</p>}
      {step.state === 'running' && step.progress && <StepBar step={step} progress={step.progress} />}
      {step.error && (
        <p className="step-error">
          {step.error.text} {step.error.remedy}
        </p>
      )}
    </li>
  );
}

/** Who gives the data; with several candidates the operator may choose another, which makes the plan again. */
function DonorRow({ plan }: { readonly plan: Plan }) {
  const store = useConsole();
  const donors = useConsoleState((state) => possibleDonors(state.snapshot?.nodes ?? [], plan).join(' '));
  const busy = useConsoleState((state) => state.busy.includes(proposeTransition.id));
  if (!plan.donor) return null;
  const names = donors === '' ? [] : donors.split(' ');
  const choice = plan.state === 'proposed' && names.length > 1;
  return (
    <>
      <dt>
        <label htmlFor="plan-donor">Donor</label>
      </dt>
      <dd>
        {choice ? (
          <select
            id="plan-donor"
            data-testid="plan-donor"
            value={plan.donor.name}
            disabled={busy}
            onChange={(event) => {
              const donor = store.state
                .getState()
                .snapshot?.nodes.find((node) => node.name === event.target.value)?.name;
              const subject = { node: plan.node, target: plan.target, donor: donor ?? null };
              void proposeTransition.perform(store, subject);
            }}
          >
            {names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        ) : (
          <b id="plan-donor">{plan.donor.name}</b>
        )}
      </dd>
      <dd className="wide">{plan.donor.why}</dd>
    </>
  );
}

/** What was said when a node was put into maintenance. */
function MaintenanceRows({ plan: { maintenance } }: { readonly plan: Plan }) {
  const until = useConsoleState((state) => maintenance && momentWords(maintenance.untilMs, state.nowMs));
  if (!maintenance) return null;
  return (
    <>
      <dt>Until</dt>
      <dd>{until}</dd>
      <dt>Reason</dt>
      <dd>{maintenance.reason}</dd>
    </>
  );
}

/** Lines of "now and after"; one without an after says how things stand. */
export function EffectRows({ effects }: { readonly effects: readonly PlanEffect[] }) {
  return effects.map((effect) => (
    <div className="row" key={effect.label}>
      <dt>{effect.label}</dt>
      <dd>
        {effect.now === effect.after || effect.after === '' ? (
          effect.now
        ) : (
          <>
            {effect.now} <i>→</i> <b>{effect.after}</b>
          </>
        )}
      </dd>
    </div>
  ));
}

function Effects({ plan }: { readonly plan: Plan }) {
  const cluster = useConsoleState((state) => state.snapshot?.name ?? '');
  return (
    <section className="card">
      <h3>Now and after</h3>
      <dl>
        <dt>
          {plan.node} <span>on {cluster}</span>
        </dt>
        <dd>
          {plan.from} <i>→</i> <b>{plan.act.kind === 'restart' ? 'restarted' : plan.target}</b>
        </dd>
        <EffectRows effects={plan.effects} />
        {plan.expectedSeconds !== null && (
          <>
            <dt>Expected time</dt>
            <dd>{formatSeconds(plan.expectedSeconds)}</dd>
          </>
        )}
        <DonorRow plan={plan} />
        <MaintenanceRows plan={plan} />
      </dl>
      {plan.state === 'proposed' &&
        plan.warnings.map((warning) => (
          <p className="warning" key={warning}>
            <TriangleAlert aria-label="Warning" /> <span>{warning}</span>
          </p>
        ))}
    </section>
  );
}

function Outcome({ plan }: { readonly plan: Plan }) {
  const seconds = elapsedSeconds(plan, plan.endedAtMs ?? 0);
  const took = seconds === null ? '' : ` after ${formatSeconds(seconds)}`;
  if (plan.state === 'done')
    return (
      <p className="outcome outcome-done" role="status">
        <Check aria-hidden="true" />{' '}
        <span>
          {plan.node} is {stateInWords(plan.target)}
          {took}.
        </span>
      </p>
    );
  if (plan.state === 'aborted' || plan.state === 'failed')
    return (
      <div className={`outcome outcome-${plan.state}`} role="alert">
        <CircleAlert aria-hidden="true" />
        <div>
          <b>{plan.error?.text ?? `${planStateWords[plan.state]}${took}.`}</b>
          {plan.error && <p>{plan.error.remedy}</p>}
        </div>
      </div>
    );
  return null;
}

function Actions({ plan }: { readonly plan: Plan }) {
  if (plan.state === 'proposed')
    return (
      <>
        <CommandButton
          command={confirmPlan}
          subject={plan}
          look={plan.danger === 'destructive' ? 'danger' : 'primary'}
          testId="plan-confirm"
        />
        <CommandButton command={dismissPlan} subject={plan} testId="plan-dismiss" />
      </>
    );
  if (plan.state === 'running' || plan.state === 'aborting')
    return (
      <>
        <CommandButton command={abortPlan} subject={plan} testId="plan-abort" />
        {plan.abortNote && <span className="note">{plan.abortNote}</span>}
      </>
    );
  return <CommandButton command={dismissPlan} subject={plan} testId="plan-dismiss" />;
}

/** The steps of a plan, as far as they are. */
export function PlanSteps({ plan }: { readonly plan: Plan }) {
  return (
    <section className="card">
      <h3>Steps {plan.state !== 'proposed' && <span className="percent">{planPercent(plan)} %</span>}</h3>
      <ol className="steps">
        {plan.steps.map((step) => (
          <Step key={`${step.action.kind} ${step.title}`} step={step} />
        ))}
      </ol>
    </section>
  );
}

export function PlanCard({ plan }: { readonly plan: Plan }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const elapsed = useConsoleState((state) => {
    const seconds = elapsedSeconds(plan, state.nowMs);
    return seconds === null ? null : formatSeconds(seconds);
  });
  const proposed = plan.state === 'proposed';
  const asksWhy = proposed && plan.target === 'maintenance';
  // A new proposal is what the operator just asked for: the keyboard goes on from its heading, or from its form.
  useEffect(() => {
    if (proposed && !asksWhy) heading.current?.focus();
  }, [plan.id, proposed, asksWhy]);
  return (
    <section className="plan" data-testid="plan-card" data-state={plan.state} aria-labelledby="plan-title">
      <div className="plan-scroll">
        <header className="plan-head">
          <h2 id="plan-title" ref={heading} tabIndex={-1}>
            {plan.title}
          </h2>
          <span className={`chip ${proposed ? `danger-${plan.danger}` : `plan-${plan.state}`}`}>
            {proposed ? plan.danger : `${planStateWords[plan.state]}${elapsed ? ` · ${elapsed}` : ''}`}
          </span>
        </header>
        <Outcome plan={plan} />
        {asksWhy && <MaintenanceForm key={plan.id} plan={plan} />}
        {proposed && <Effects plan={plan} />}
        <PlanSteps plan={plan} />
        {!proposed && <Effects plan={plan} />}
      </div>
      <footer className="plan-actions">
        <Actions plan={plan} />
      </footer>
    </section>
  );
}
