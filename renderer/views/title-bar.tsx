/** Where we are, and what applications are told. */
import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { formatCount } from '../../app/base/format.js';
import { copyText } from '../parts/copy-text.js';
import { useConsoleState } from '../store/console-context.js';

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

export function TitleBar() {
  const name = useConsoleState((state) => state.snapshot?.name ?? '');
  const policy = useConsoleState((state) => state.snapshot?.frontEnd?.policy ?? null);
  const sessions = useConsoleState((state) => state.snapshot?.frontEnd?.sessions ?? null);
  return (
    <header className="title-bar">
      <h1 className="brand">Ringmaster</h1>
      <span className="crumb">{name}</span>
      <span className="spacer" />
      <FrontEndChip />
      {policy !== null && (
        <span className="pill pill-policy" title={policy}>
          Policy <b>{policy}</b>
        </span>
      )}
      {sessions !== null && (
        <span className="pill">
          Sessions <b>{formatCount(sessions)}</b>
        </span>
      )}
    </header>
  );
}
