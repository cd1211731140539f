import { AlertDialog } from 'radix-ui';
import { useState } from 'react';
import { resetLab } from '../commands/commands.js';
import { useConsole, useConsoleState } from '../store/console-context.js';
import { CommandButton } from './command-button.js';

/** Erasing the lab wants its name typed. */
export function ResetDialog() {
  const store = useConsole();
  const open = useConsoleState((state) => state.resetOpen);
  const name = useConsoleState((state) => state.snapshot?.name ?? '');
  const nodes = useConsoleState((state) => state.snapshot?.nodes.map((node) => node.name).join(', ') ?? '');
  const [typed, setTyped] = useState('');
  return (
    <AlertDialog.Root
      open={open}
      onOpenChange={(resetOpen) => {
        setTyped('');
        store.state.setState({ resetOpen });
      }}
    >
      <AlertDialog.Portal>
        <div className="backdrop" />
        <AlertDialog.Content className="dialog" data-testid="reset-dialog">
          <AlertDialog.Title>Reset {name}?</AlertDialog.Title>
          <AlertDialog.Description>
            Stops {nodes}, erases all their data and starts with empty servers. This cannot be undone.
          </AlertDialog.Description>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (resetLab.enabledWhen(store.state.getState(), typed).enabled)
                void resetLab.perform(store, typed);
            }}
          >
            <label htmlFor="reset-name">
              Type <b>{name}</b> to confirm
            </label>
            <input
              id="reset-name"
              data-testid="reset-name"
              autoComplete="off"
              spellCheck={false}
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
            />
          </form>
          <div className="dialog-actions">
            <AlertDialog.Cancel className="button button-plain">Cancel</AlertDialog.Cancel>
            <CommandButton command={resetLab} subject={typed} look="danger" testId="reset-confirm" />
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
