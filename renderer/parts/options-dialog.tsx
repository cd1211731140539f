/** Options of MariaDB for the nodes that were chosen; the plan that restarts them with these is shown next. */
import { AlertDialog } from 'radix-ui';
import { useState } from 'react';
import { proposeOptions } from '../commands/series-commands.js';
import { useConsole, useConsoleState } from '../store/console-context.js';
import { CommandButton } from './command-button.js';

export function OptionsDialog() {
  const store = useConsole();
  const nodes = useConsoleState((state) => state.optionsOf);
  const [text, setText] = useState('');
  const problem = useConsoleState((state) => {
    const verdict = proposeOptions.enabledWhen(state, { nodes: nodes ?? [], text });
    return text.trim() === '' || verdict.enabled ? null : verdict.reason;
  });
  return (
    <AlertDialog.Root
      open={nodes !== null}
      onOpenChange={(open) => {
        if (!open) store.state.setState({ optionsOf: null });
      }}
    >
      <AlertDialog.Portal>
        <div className="backdrop" />
        <AlertDialog.Content className="dialog" data-testid="options-dialog">
          <AlertDialog.Title>Options of {(nodes ?? []).join(', ')}</AlertDialog.Title>
          <AlertDialog.Description>
            One name = value on each line, as in a defaults file; a name without a value goes back to the
            default. Each server is asked whether it knows them before its node leaves the ring.
          </AlertDialog.Description>
          <label htmlFor="options-text" className="sr-only">
            Options
          </label>
          <textarea
            id="options-text"
            className="options-text"
            data-testid="options-text"
            rows={5}
            spellCheck={false}
            placeholder="max_connections = 500"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          {problem !== null && (
            <p className="step-error" role="status">
              {problem}
            </p>
          )}
          <div className="dialog-actions">
            <AlertDialog.Cancel className="button button-plain">Cancel</AlertDialog.Cancel>
            <CommandButton
              command={proposeOptions}
              subject={{ nodes: nodes ?? [], text }}
              look="primary"
              testId="options-propose"
            />
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
