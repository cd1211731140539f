/** The ring: a glyph for each node, the data's way between them, and the one big number in the middle. */

import { type KeyboardEvent, type MouseEvent, memo, useMemo, useRef } from 'react';
import { formatCount, formatMilliseconds } from '../../app/base/format.js';
import { findNode } from '../../app/model/cluster.js';
import type { NodeName } from '../../app/model/ids.js';
import { stateMeanings } from '../../app/model/node-state.js';
import { loadWords, noteWords, staleSeconds, stateWords } from '../../app/model/node-words.js';
import { sessionsInAll } from '../../app/model/sentence.js';
import { openStateMenu, selectNode } from '../commands/commands.js';
import { chooseAll, chooseNode, chooseNone } from '../commands/series-commands.js';
import { CommandButton } from '../parts/command-button.js';
import { Glyph } from '../parts/glyph.js';
import { StateMenu } from '../parts/state-menu.js';
import { useSize } from '../parts/use-size.js';
import { namesOfKey, nodeNamesKey, transactionsNow } from '../selectors/node-selectors.js';
import { labelLines, layOutRing, type PlacedNode, type RingLayout } from '../selectors/ring-layout.js';
import { useConsole, useConsoleState } from '../store/console-context.js';
import { RingEdges } from './ring-edges.js';
import { SightTableOverlay } from './sight-table.js';
import { TokenMark, tokenWords } from './token-mark.js';

const neighbourKeys: Readonly<Record<string, 1 | -1>> = {
  ArrowRight: 1,
  ArrowDown: 1,
  ArrowLeft: -1,
  ArrowUp: -1,
};

/** Moves the focus to the next glyph on the ring. */
function focusNeighbour(from: HTMLElement, step: 1 | -1): void {
  const glyphs = [...(from.closest('.stage')?.querySelectorAll<HTMLElement>('.glyph') ?? [])];
  const index = glyphs.indexOf(from);
  glyphs[(index + step + glyphs.length) % glyphs.length]?.focus();
}

interface NodeProps {
  readonly name: NodeName;
  readonly index: number;
  readonly place: PlacedNode;
  readonly radius: number;
  /** Only the most important line beside the name: many nodes share the height. */
  readonly compact: boolean;
}

const NodeOnRing = memo(function NodeOnRing({ name, index, place, radius, compact }: NodeProps) {
  const store = useConsole();
  const node = useConsoleState((state) => state.snapshot && findNode(state.snapshot, name));
  const stale = useConsoleState((state) => (node ? staleSeconds(node, state.nowMs) : null));
  const selected = useConsoleState((state) => state.selected === name && state.panel === 'node');
  const chosen = useConsoleState((state) => state.chosen.includes(name));
  const expanded = useConsoleState((state) => state.menuOf === name);
  const said = useConsoleState((state) => (node ? noteWords(node, state.nowMs) : null));
  if (!node) return null;

  const openMenu = (event: MouseEvent | KeyboardEvent): void => {
    event.preventDefault();
    void openStateMenu.perform(store, name);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLButtonElement>): void => {
    const step = neighbourKeys[event.key];
    if (step) {
      event.preventDefault();
      focusNeighbour(event.currentTarget, step);
    } else if (event.key === ' ' && event.shiftKey) {
      event.preventDefault();
      void chooseNode.perform(store, name);
    } else if (
      event.key === 'Enter' ||
      event.key === 'ContextMenu' ||
      (event.key === 'F10' && event.shiftKey)
    ) {
      openMenu(event);
    }
  };
  const old = stale === null ? null : `sample ${formatCount(stale)} s old`;
  const load = compact && old !== null ? null : loadWords(node);
  const note = compact && (load ?? old) !== null ? null : said;
  const { label } = place;
  const labelId = `label-${name}`;
  return (
    <>
      <button
        type="button"
        id={`glyph-${name}`}
        className={`glyph state-${node.state}`}
        style={{ left: place.x - radius, top: place.y - radius, width: 2 * radius, height: 2 * radius }}
        data-testid={`node-${name}`}
        data-state={node.state}
        data-role={node.role ?? undefined}
        data-stale={stale !== null}
        data-overdue={node.maintenance?.overdue}
        data-chosen={chosen}
        aria-label={`${name}, ${stateWords(node)}${chosen ? ', chosen' : ''}`}
        aria-describedby={labelId}
        aria-haspopup="menu"
        aria-expanded={expanded}
        aria-pressed={selected}
        title={`${node.state}: ${stateMeanings[node.state]}`}
        onClick={(event) => {
          if (event.ctrlKey) openMenu(event);
          else if (event.shiftKey) void chooseNode.perform(store, name);
          else void selectNode.perform(store, name);
        }}
        onContextMenu={openMenu}
        onKeyDown={onKeyDown}
      >
        <Glyph state={node.state} stale={stale !== null} overdue={node.maintenance?.overdue} />
      </button>
      <div
        id={labelId}
        className={`node-label node-label-${label.side}`}
        style={{ left: label.left, top: label.top, width: label.width, height: label.height }}
      >
        <div className="node-name">
          <b title={name}>
            <i className={`swatch series-${index}`} />
            {name}
          </b>
          <span className={`node-state state-${node.state}`}>{stateWords(node)}</span>
        </div>
        {load && <div className="node-fact">{load}</div>}
        {old && <div className="node-warning">{old}</div>}
        {note && (
          <div className={node.state === 'failed' ? 'node-note node-warning' : 'node-note'} title={note}>
            {note}
          </div>
        )}
      </div>
    </>
  );
});

/** Rings up to this half width, pixels, get their facts on two lines. */
const narrowRing = 200;

/** Transactions per second of all, with response time and sessions under it. */
function Centre(props: { readonly layout: RingLayout }) {
  const { layout } = props;
  const rate = useConsoleState((state) => {
    const value = state.snapshot ? transactionsNow(state.snapshot.nodes) : null;
    return value === null ? null : Math.round(value);
  });
  const p95 = useConsoleState((state) => state.snapshot?.load?.sample?.responseMsP95 ?? null);
  const sessions = useConsoleState((state) => (state.snapshot ? sessionsInAll(state.snapshot) : null));
  const facts = [
    p95 === null ? null : `p95 ${formatMilliseconds(p95)}`,
    sessions === null ? null : `${formatCount(sessions)} session${sessions === 1 ? '' : 's'}`,
  ].filter((part) => part !== null);
  const token = useConsoleState((state) => (state.snapshot?.token ? tokenWords(state.snapshot.token) : null));
  // In a small ring one long line would touch the edges that pass inside.
  const lines = layout.radiusX > narrowRing ? [facts.join(' · ')] : facts;
  return (
    <div
      className="centre"
      style={{ left: layout.centre.x, top: layout.centre.y, fontSize: Math.min(layout.radiusY * 0.36, 88) }}
    >
      <div className="big-number" data-testid="transactions-per-second">
        {rate === null ? 'n/a' : formatCount(rate)}
      </div>
      <div className="centre-unit">transactions per second</div>
      {lines.map((line) => (
        <div className="centre-facts" key={line}>
          {line}
        </div>
      ))}
      {token !== null && (
        <div className="centre-facts" data-testid="token-words">
          {token}
        </div>
      )}
    </div>
  );
}

/** The menu of whichever node it was asked for, hung at that node's glyph. */
function OpenMenu(props: { readonly layout: RingLayout; readonly names: readonly NodeName[] }) {
  const node = useConsoleState((state) =>
    state.menuOf !== null && state.snapshot ? findNode(state.snapshot, state.menuOf) : undefined,
  );
  const place = node && props.layout.nodes[props.names.indexOf(node.name)];
  if (!node || !place) return null;
  const radius = props.layout.glyphRadius;
  const anchor = { left: place.x - radius, top: place.y - radius, width: 2 * radius, height: 2 * radius };
  return <StateMenu key={node.name} node={node} anchor={anchor} />;
}

/** Shown while nodes are chosen: what the next act is meant for. */
function ChosenBar() {
  const names = useConsoleState((state) => state.chosen.join(', '));
  const count = useConsoleState((state) => state.chosen.length);
  const last = useConsoleState((state) => state.chosen.at(-1) ?? null);
  if (last === null) return null;
  return (
    <div className="chosen-bar" data-testid="chosen-bar" role="status">
      <span title={names}>
        <b>{count}</b> chosen
      </span>
      <CommandButton command={openStateMenu} subject={last} testId="chosen-act">
        Change …
      </CommandButton>
      <CommandButton command={chooseAll} subject={null} look="quiet" testId="chosen-all" />
      <CommandButton command={chooseNone} subject={null} look="quiet" testId="chosen-none" />
      <span className="sr-only">Shift and click, or Shift and Space, chooses further nodes.</span>
    </div>
  );
}

export function ClusterView() {
  const stage = useRef<HTMLElement>(null);
  const size = useSize(stage);
  const key = useConsoleState((state) => nodeNamesKey(state.snapshot));
  const names = useMemo(() => namesOfKey(key), [key]);
  const layout = useMemo(
    () => (size && names.length > 0 ? layOutRing(size.width, size.height, names.length, size.unit) : null),
    [size, names.length],
  );
  return (
    <section className="stage" ref={stage} aria-label="Cluster">
      {layout && (
        <>
          <RingEdges layout={layout} names={names} />
          <Centre layout={layout} />
          {names.map((name, index) => {
            const place = layout.nodes[index];
            return (
              place && (
                <NodeOnRing
                  key={name}
                  name={name}
                  index={index}
                  place={place}
                  radius={layout.glyphRadius}
                  compact={labelLines(names.length) < 3}
                />
              )
            );
          })}
          <TokenMark layout={layout} names={names} />
          <SightTableOverlay />
          <OpenMenu layout={layout} names={names} />
          <ChosenBar />
        </>
      )}
    </section>
  );
}
