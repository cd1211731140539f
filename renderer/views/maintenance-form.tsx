/** Why a node goes into maintenance, and for how long: said before the plan can be confirmed. */

import { useEffect, useRef } from 'react';
import { momentWords } from '../../app/base/format.js';
import {
  lengthWords,
  type MaintenanceRequest,
  maintenanceLengths,
  maintenanceReasonLengthMax,
} from '../../app/model/maintenance.js';
import type { Plan } from '../../app/model/plan.js';
import { confirmPlan } from '../commands/commands.js';
import { useConsole, useConsoleState } from '../store/console-context.js';

const msPerMinute = 60_000;

/** "Until 18:00, for ada." and what comes then. */
function EndNote({ plan }: { readonly plan: Plan }) {
  const end = useConsoleState(({ maintenanceDraft: { minutes }, nowMs }) =>
    minutes === null ? null : momentWords(nowMs + minutes * msPerMinute, nowMs),
  );
  const owner = <b>{plan.askedBy}</b>;
  return (
    <p className="note" id="maintenance-note">
      {end === null ? (
        <>Without an end, asked for by {owner}.</>
      ) : (
        <>
          Until <b>{end}</b>, asked for by {owner}; then it is marked as overdue.
        </>
      )}{' '}
      Nothing starts {plan.node} until somebody brings it back.
    </p>
  );
}

export function MaintenanceForm({ plan }: { readonly plan: Plan }) {
  const store = useConsole();
  const { reason, minutes } = useConsoleState((state) => state.maintenanceDraft);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const change = (part: Partial<MaintenanceRequest>): void =>
    store.state.setState((state) => ({ maintenanceDraft: { ...state.maintenanceDraft, ...part } }));
  return (
    <form
      className="card maintenance-form"
      data-testid="maintenance-form"
      aria-label={`Maintenance of ${plan.node}`}
      onSubmit={(event) => {
        event.preventDefault();
        if (confirmPlan.enabledWhen(store.state.getState(), plan).enabled)
          void confirmPlan.perform(store, plan);
      }}
    >
      <label htmlFor="maintenance-reason">
        Reason <span>(required)</span>
      </label>
      <input
        id="maintenance-reason"
        data-testid="maintenance-reason"
        type="text"
        ref={field}
        required
        maxLength={maintenanceReasonLengthMax}
        autoComplete="off"
        value={reason}
        onChange={(event) => change({ reason: event.target.value })}
      />
      <fieldset className="choices" aria-describedby="maintenance-note">
        <legend>How long</legend>
        {maintenanceLengths.map((length) => (
          <label key={lengthWords(length)} className="choice">
            <input
              type="radio"
              name="maintenance-length"
              data-testid={`maintenance-${length ?? 'endless'}`}
              checked={minutes === length}
              onChange={() => change({ minutes: length })}
            />
            {lengthWords(length)}
          </label>
        ))}
      </fieldset>
      <EndNote plan={plan} />
    </form>
  );
}
