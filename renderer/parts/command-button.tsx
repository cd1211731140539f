import type { ReactNode } from 'react';
import type { Command } from '../commands/commands.js';
import { useConsole, useConsoleState } from '../store/console-context.js';

interface Props<Subject> {
  readonly command: Command<Subject>;
  readonly subject: Subject;
  readonly look?: 'primary' | 'danger' | 'plain' | 'quiet' | undefined;
  readonly testId?: string | undefined;
  /** Shown instead of the command's own label. */
  readonly children?: ReactNode;
  /** The children are only an icon: the label stays the accessible name. */
  readonly iconOnly?: boolean;
}

/** A button that says, allows and does what its command says. */
export function CommandButton<Subject>(props: Props<Subject>) {
  const { command, subject, look = 'plain', testId, children, iconOnly = false } = props;
  const store = useConsole();
  const label = useConsoleState((state) => command.label(state, subject));
  const reason = useConsoleState((state) => {
    const verdict = command.enabledWhen(state, subject);
    return verdict.enabled ? null : `${verdict.reason}. ${verdict.remedy}`;
  });
  const busy = useConsoleState((state) => state.busy.includes(command.id));
  return (
    <button
      type="button"
      className={`button button-${look}`}
      data-testid={testId}
      disabled={reason !== null || busy}
      aria-busy={busy}
      title={reason ?? undefined}
      aria-label={iconOnly ? label : undefined}
      onClick={() => void command.perform(store, subject)}
    >
      {children ?? label}
    </button>
  );
}
