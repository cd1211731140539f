/** Where we are, and what applications are told. */
import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { formatCount } from '../../app/base/format.js';
import { showPolicies } from '../commands/routing-commands.js';
import { setRecovery } from '../commands/series-commands.js';
import { copyText } from '../parts/copy-text.js';
import { takesSessions } from '../selectors/node-selectors.js';
import { useConsole, useConsoleState } from '../store/console-context.js';

/** How long "copied" stays, milliseconds; the store's clock takes it away. */
const copiedMs = 2_500;

function FrontEndChip() {
  const address = useConsoleState((state) => {
    const frontEnd = state.snapshot?.frontEnd;
    return frontEnd ? `${frontEnd.host}:${frontEnd.port}` : null;
  });
  const [copiedAtMs, setCopiedAtMs] = useState<number | null>(null);
  const nowMs = useConsoleState((state) => (copiedAtMs === null ? 0 : state.nowMs));
  if (address === null) return null;
  const copied = copiedAtMs !== null && nowMs - copiedAtMs < copiedMs;
  return (
    <button
      type="button"
      className="pill pill-button"
      data-testid="front-end"
      title="Copy the address that applications use"
      onClick={() => {
        if (copyText(address)) setCopiedAtMs(nowMs === 0 ? Number.POSITIVE_INFINITY : nowMs);
      }}
    >
      Front end <b>{address}</b>
      {copied ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />}
      <span className="sr-only" role="status">
        {copied ? 'copied' : ''}
      </span>
    </button>
  );
}

function PolicyPill() {
  const store = useConsole();
  const policy = useConsoleState((state) => state.snapshot?.frontEnd?.policy ?? null);
  const takers = useConsoleState((state) => state.snapshot !== null && takesSessions(state.snapshot));
  if (policy === null) return null;
  return (
    <button
      type="button"
      className="pill pill-button pill-policy"
      data-testid="policy-pill"
      title={`Sessions go ${policy.meaning}`}
      onClick={() => void showPolicies.perform(store, null)}
    >
      Policy <b>{takers ? policy.title : 'no node takes sessions'}</b>
    </button>
  );
}

function RecoveryPill() {
  const store = useConsole();
  const on = useConsoleState((state) => state.snapshot?.recovery.on ?? null);
  const busy = useConsoleState((state) => state.busy.includes(setRecovery.id));
  const label = useConsoleState((state) => setRecovery.label(state, !on));
  if (on === null) return null;
  return (
    <button
      type="button"
      role="switch"
      aria-checked={on}
      className="pill pill-button"
      data-testid="recovery-pill"
      title={label}
      disabled={busy}
      onClick={() => void setRecovery.perform(store, !on)}
    >
      Recovery <b>{on ? 'on' : 'off'}</b>
    </button>
  );
}

export function TitleBar() {
  const name = useConsoleState((state) => state.snapshot?.name ?? '');
  const sessions = useConsoleState((state) => state.snapshot?.frontEnd?.sessions ?? null);
  return (
    <header className="title-bar">
      <h1 className="brand">Ringmaster</h1>
      <span className="crumb">{name}</span>
      <span className="spacer" />
      <FrontEndChip />
      <PolicyPill />
      <RecoveryPill />
      {sessions !== null && (
        <span className="pill">
          Sessions <b>{formatCount(sessions)}</b>
        </span>
      )}
    </header>
  );
}
