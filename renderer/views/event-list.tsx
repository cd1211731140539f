/** Everything that happened and was done: the last ones in one line, all of them in a drawer. */
import {
  Activity,
  ChevronDown,
  ChevronUp,
  CircleAlert,
  FlaskConical,
  Info,
  ListChecks,
  RefreshCw,
  Split,
  Waypoints,
} from 'lucide-react';
import { memo, useEffect, useRef } from 'react';
import type { ClusterEvent, EventKind } from '../../app/model/cluster.js';
import { toggleEvents } from '../commands/commands.js';
import { CommandButton } from '../parts/command-button.js';
import { useConsole, useConsoleState } from '../store/console-context.js';

const icons: Readonly<Record<EventKind, typeof Info>> = {
  state: RefreshCw,
  plan: ListChecks,
  failure: CircleAlert,
  view: Waypoints,
  policy: Split,
  load: Activity,
  lab: FlaskConical,
  notice: Info,
};

/** As many as fit at most; narrow windows cut the oldest off. */
const lastOnes = 3;

const clockTime = (atMs: number): string => new Date(atMs).toLocaleTimeString('en-GB');

const EventLine = memo(function EventLine({ event }: { readonly event: ClusterEvent }) {
  const Icon = icons[event.kind];
  return (
    <>
      <time dateTime={new Date(event.atMs).toISOString()}>{clockTime(event.atMs)}</time>
      <Icon className={`event-icon severity-${event.severity}`} aria-label={event.kind} />
      <span className="event-node">{event.node ?? ''}</span>
      <span className="event-text">{event.text}</span>
      <span className="event-by">{event.by}</span>
    </>
  );
});

function Drawer({ events }: { readonly events: readonly ClusterEvent[] }) {
  const store = useConsole();
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => list.current?.focus(), []);
  return (
    <section className="drawer" aria-label="Events" data-testid="events-drawer">
      <header className="drawer-head">
        <h2>Events</h2>
        <span className="chip">{events.length}</span>
        <span className="spacer" />
        <CommandButton command={toggleEvents} subject={null} look="quiet" iconOnly>
          <ChevronDown aria-hidden="true" />
        </CommandButton>
      </header>
      <ol
        className="event-list"
        ref={list}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls must be reachable by keyboard
        tabIndex={0}
        onKeyDown={(event) => {
          if (event.key === 'Escape') void toggleEvents.perform(store, null);
        }}
      >
        {events.toReversed().map((event) => (
          <li key={event.id} data-kind={event.kind}>
            <EventLine event={event} />
          </li>
        ))}
      </ol>
      {events.length === 0 && <p className="hint">Nothing has happened yet.</p>}
    </section>
  );
}

const noEvents: readonly ClusterEvent[] = [];

export function EventList() {
  const events = useConsoleState((state) => state.snapshot?.events ?? noEvents);
  const open = useConsoleState((state) => state.eventsOpen);
  return (
    <footer className="events" data-testid="events">
      {open && <Drawer events={events} />}
      <CommandButton command={toggleEvents} subject={null} look="quiet" testId="events-toggle">
        Events {open ? <ChevronDown aria-hidden="true" /> : <ChevronUp aria-hidden="true" />}
      </CommandButton>
      <ol className="last-events">
        {events
          .slice(-lastOnes)
          .toReversed()
          .map((event) => (
            <li key={event.id} title={`${event.text}, by ${event.by}`}>
              <EventLine event={event} />
            </li>
          ))}
      </ol>
    </footer>
  );
}
