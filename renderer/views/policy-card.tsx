/** The policy and the weights, as they are and as the operator sets them; both hold from the next session on. */
import { type FormEvent, useState } from 'react';
import type { NodeName } from '../../app/model/ids.js';
import { policyNames, policyWords, type Routing, weightMax, weightOf } from '../../app/model/routing.js';
import { setRouting } from '../commands/routing-commands.js';
import { namesOfKey, nodeNamesKey } from '../selectors/node-selectors.js';
import type { ConsoleState } from '../store/cluster-store.js';
import { useConsole, useConsoleState } from '../store/console-context.js';

type Weights = Readonly<Record<NodeName, number>>;
const noWeights: Weights = {};

const policyNow = ({ routingDraft, snapshot }: ConsoleState): Routing['policy'] =>
  routingDraft?.policy ?? snapshot?.frontEnd?.policy.name ?? 'least-connections';
const weightsNow = ({ routingDraft, snapshot }: ConsoleState): Weights =>
  routingDraft?.weights ?? snapshot?.frontEnd?.weights ?? noWeights;

function PolicyChoice() {
  const store = useConsole();
  const policy = useConsoleState(policyNow);
  const weights = useConsoleState(weightsNow);
  const disabled = useConsoleState((state) => !setRouting.enabledWhen(state, { policy, weights }).enabled);
  return (
    <fieldset className="policies" disabled={disabled}>
      <legend className="sr-only">Who gets the next session</legend>
      {policyNames.map((name) => (
        <label key={name} className="policy-choice">
          <input
            type="radio"
            name="policy"
            value={name}
            data-testid={`policy-${name}`}
            checked={name === policy}
            onChange={() => void setRouting.perform(store, { policy: name, weights })}
          />
          <span>
            <b>{policyWords[name].title}</b>: {policyWords[name].meaning}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** What was typed, by node; a text that is no weight is no change. */
type Typed = Readonly<Record<NodeName, string>>;

const weightIn = (text: string): number | null => {
  const weight = Number(text);
  return text.trim() !== '' && Number.isInteger(weight) && weight >= 0 && weight <= weightMax ? weight : null;
};

function WeightForm() {
  const store = useConsole();
  const names = namesOfKey(useConsoleState((state) => nodeNamesKey(state.snapshot)));
  const policy = useConsoleState(policyNow);
  const weights = useConsoleState(weightsNow);
  const [typed, setTyped] = useState<Typed>({});
  const entries = names.map((name) => {
    const now = weightOf({ weights }, name);
    const text = typed[name] ?? String(now);
    return { name, now, text, weight: weightIn(text) };
  });
  const wrong = entries.find(({ weight }) => weight === null);
  const changed = entries.some(({ now, text }) => text !== String(now));
  const wanted: Routing = {
    policy,
    weights: Object.fromEntries(entries.map(({ name, now, weight }) => [name, weight ?? now])),
  };
  const refusal = useConsoleState((state) => {
    const verdict = setRouting.enabledWhen(state, wanted);
    return verdict.enabled ? null : `${verdict.reason}. ${verdict.remedy}`;
  });
  const reason = wrong ? `the weight of ${wrong.name} is a whole number from 0 to ${weightMax}.` : refusal;

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (reason !== null || !changed) return;
    await setRouting.perform(store, wanted);
    // What was refused stays, to be corrected.
    if (store.state.getState().trouble === null) setTyped({});
  };
  return (
    <form className="weights" onSubmit={(event) => void submit(event)}>
      {entries.map(({ name, text }) => (
        <label key={name}>
          <span>Weight of {name}</span>
          <input
            type="number"
            min={0}
            max={weightMax}
            step={1}
            required
            value={text}
            data-testid={`weight-${name}`}
            onChange={(event) => setTyped({ ...typed, [name]: event.target.value })}
          />
        </label>
      ))}
      {reason !== null && changed && (
        <p className="step-error" role="status">
          {reason.charAt(0).toUpperCase() + reason.slice(1)}
        </p>
      )}
      <button
        type="submit"
        className="button button-plain"
        data-testid="weights-set"
        disabled={reason !== null || !changed}
      >
        Set weights
      </button>
    </form>
  );
}

function Weights() {
  const policy = useConsoleState(policyNow);
  const { weights, title } = policyWords[policy];
  const rule = 'A node with weight 0 gets no new session, whatever the policy; those it has stay.';
  if (weights !== null)
    return (
      <>
        <h3>Weights</h3>
        <p className="hint">
          {weights} {rule}
        </p>
        <WeightForm />
      </>
    );
  return (
    <details className="more">
      <summary>Weights, to take a node out</summary>
      <p className="hint">
        {title} only asks whether a weight is 0. {rule}
      </p>
      <WeightForm />
    </details>
  );
}

export function PolicyCard() {
  const store = useConsole();
  const policy = useConsoleState(policyNow);
  const open = useConsoleState((state) => state.policyOpen);
  const { title, meaning } = policyWords[policy];
  return (
    <details
      className="card policy-card"
      data-testid="policy-card"
      data-policy={policy}
      open={open}
      onToggle={(event) => {
        const { open: policyOpen } = event.currentTarget;
        store.state.setState({ policyOpen });
      }}
    >
      <summary>
        <span>
          Policy: <b>{title}</b>
          <span className="row-note">sessions go {meaning}</span>
        </span>
      </summary>
      <PolicyChoice />
      <Weights />
    </details>
  );
}
