import { RotateCw, SlidersHorizontal } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import { type CSSProperties, useRef } from 'react';
import type { NodeView } from '../../app/model/cluster.js';
import type { NodeName } from '../../app/model/ids.js';
import { type TargetState, targetStates } from '../../app/model/node-state.js';
import { stateWords } from '../../app/model/node-words.js';
import { seriesTargets } from '../../app/model/series.js';
import { proposeTransition, type Verdict } from '../commands/commands.js';
import { askOptions, meantNodes, proposeSeries, type SeriesSubject } from '../commands/series-commands.js';
import { useConsole, useConsoleState } from '../store/console-context.js';
import { Glyph } from './glyph.js';

/** Why not, as sentences. A reason that begins with a node's name keeps its small letter. */
function describe(verdict: Verdict, names: readonly NodeName[]): string | null {
  if (verdict.enabled) return null;
  const { reason, remedy } = verdict;
  const start = names.some((name) => reason.startsWith(name))
    ? reason.charAt(0)
    : reason.charAt(0).toUpperCase();
  return `${start}${reason.slice(1)}. ${remedy}`;
}

function TargetItem(props: { readonly node: NodeView; readonly target: TargetState }) {
  const { node, target } = props;
  const store = useConsole();
  const subject = { node: node.name, target, donor: null };
  const label = useConsoleState((state) => proposeTransition.label(state, subject));
  const refused = useConsoleState((state) =>
    describe(proposeTransition.enabledWhen(state, subject), [node.name]),
  );
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

function SeriesItem({ subject }: { readonly subject: SeriesSubject }) {
  const store = useConsole();
  const { act } = subject;
  const label = useConsoleState((state) => proposeSeries.label(state, subject));
  const refused = useConsoleState((state) =>
    describe(proposeSeries.enabledWhen(state, subject), subject.nodes),
  );
  return (
    <DropdownMenu.Item
      className="menu-item"
      data-testid={`menu-${act.kind === 'restart' ? 'restart' : act.target}`}
      aria-disabled={refused !== null}
      textValue={label}
      onSelect={(event) => {
        if (refused === null) void proposeSeries.perform(store, subject);
        else event.preventDefault();
      }}
    >
      {act.kind === 'restart' ? (
        <RotateCw className="menu-glyph menu-icon" aria-hidden="true" />
      ) : (
        <Glyph state={act.target} className="menu-glyph" />
      )}
      <span className="menu-label">{label}</span>
      {refused !== null && <span className="menu-reason">{refused}</span>}
    </DropdownMenu.Item>
  );
}

function OptionsItem({ nodes }: { readonly nodes: readonly NodeName[] }) {
  const store = useConsole();
  const label = useConsoleState((state) => askOptions.label(state, nodes));
  const refused = useConsoleState((state) => describe(askOptions.enabledWhen(state, nodes), nodes));
  return (
    <DropdownMenu.Item
      className="menu-item"
      data-testid="menu-options"
      aria-disabled={refused !== null}
      textValue={label}
      onSelect={(event) => {
        if (refused === null) void askOptions.perform(store, nodes);
        else event.preventDefault();
      }}
    >
      <SlidersHorizontal className="menu-glyph menu-icon" aria-hidden="true" />
      <span className="menu-label">{label}</span>
      {refused !== null && <span className="menu-reason">{refused}</span>}
    </DropdownMenu.Item>
  );
}

/** What can be done beyond a state of its own: restarts, and everything for several nodes. */
function Items({ node }: { readonly node: NodeView }) {
  const nodes = useConsoleState((state) => meantNodes(state, node.name).join(' ')).split(' ') as NodeName[];
  const restart: SeriesSubject = { nodes, act: { kind: 'restart', options: null } };
  return (
    <>
      <DropdownMenu.Label className="menu-title">
        {nodes.length > 1 ? (
          <>
            <b>{nodes.length} nodes</b> one after another
          </>
        ) : (
          <>
            <b>{node.name}</b> {stateWords(node)}
          </>
        )}
      </DropdownMenu.Label>
      {nodes.length > 1
        ? seriesTargets.map((target) => (
            <SeriesItem key={target} subject={{ nodes, act: { kind: 'move', target } }} />
          ))
        : targetStates.map((target) => <TargetItem key={target} node={node} target={target} />)}
      <DropdownMenu.Separator className="menu-line" />
      <SeriesItem subject={restart} />
      <OptionsItem nodes={nodes} />
    </>
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
          <Items node={node} />
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
