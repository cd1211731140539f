import { DropdownMenu } from 'radix-ui';
import { type CSSProperties, useRef } from 'react';
import type { NodeView } from '../../app/model/cluster.js';
import { type TargetState, targetStates } from '../../app/model/node-state.js';
import { stateWords } from '../../app/model/node-words.js';
import { proposeTransition, type Verdict } from '../commands/commands.js';
import { useConsole, useConsoleState } from '../store/console-context.js';
import { Glyph } from './glyph.js';

/** Why not, as sentences. A reason that begins with a node's name keeps its small letter. */
function describe(verdict: Verdict, node: NodeView): string | null {
  if (verdict.enabled) return null;
  const { reason, remedy } = verdict;
  const start = reason.startsWith(node.name) ? reason.charAt(0) : reason.charAt(0).toUpperCase();
  return `${start}${reason.slice(1)}. ${remedy}`;
}

function TargetItem(props: { readonly node: NodeView; readonly target: TargetState }) {
  const { node, target } = props;
  const store = useConsole();
  const subject = { node: node.name, target, donor: null };
  const label = useConsoleState((state) => proposeTransition.label(state, subject));
  const refused = useConsoleState((state) => describe(proposeTransition.enabledWhen(state, subject), node));
  // A refused entry keeps its place among the arrow keys, so that its reason is read out too.
  return (
    <DropdownMenu.Item
      className="menu-item"
      data-testid={`menu-${target}`}
      aria-disabled={refused !== null}
      textValue={label}
      onSelect={(event) => {
        if (refused === null) void proposeTransition.perform(store, subject);
        else event.preventDefault();
      }}
    >
      <Glyph state={target} className="menu-glyph" />
      <span className="menu-label">{label}</span>
      {refused !== null && <span className="menu-reason">{refused}</span>}
    </DropdownMenu.Item>
  );
}

/** The one menu of a node's states, hung beside its glyph however it was asked for. */
export function StateMenu(props: { readonly node: NodeView; readonly anchor: CSSProperties }) {
  const { node, anchor } = props;
  const store = useConsole();
  const chosen = useRef(false);
  // The menu is made when it opens, too late for it to see the key that opened it: the glyph's focus ring tells.
  const byKeyboard = useRef(document.activeElement?.matches(':focus-visible') ?? false);
  return (
    <DropdownMenu.Root
      open
      modal={false}
      onOpenChange={(open) => {
        if (!open) store.state.setState({ menuOf: null });
      }}
    >
      <DropdownMenu.Trigger asChild>
        <span className="menu-anchor" style={anchor} aria-hidden="true" />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          className="menu"
          side="right"
          align="start"
          sideOffset={6}
          collisionPadding={8}
          loop
          aria-label={`State of ${node.name}`}
          onFocus={(event) => {
            if (!byKeyboard.current || event.target !== event.currentTarget) return;
            byKeyboard.current = false;
            event.currentTarget.querySelector<HTMLElement>('[role="menuitem"]')?.focus();
          }}
          onClick={() => {
            chosen.current = true;
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            // After a choice the plan card takes the focus; else it goes back to the glyph.
            if (store.state.getState().panel !== 'plan' || !chosen.current)
              document.getElementById(`glyph-${node.name}`)?.focus();
          }}
        >
          <DropdownMenu.Label className="menu-title">
            <b>{node.name}</b> {stateWords(node)}
          </DropdownMenu.Label>
          {targetStates.map((target) => (
            <TargetItem key={target} node={node} target={target} />
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
