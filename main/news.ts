/** What happened that somebody should know who does not look at the window: chosen from the updates, said by the system. */
import type { SnapshotUpdate } from '../app/contract/window.js';
import type { ClusterEvent } from '../app/model/cluster.js';
import type { EventId } from '../app/model/ids.js';

export interface News {
  readonly title: string;
  readonly body: string;
}

/** Failures, and what plans came to: neither is missed because another window is in front. */
const isNews = ({ severity, kind, mark }: ClusterEvent): boolean =>
  severity === 'bad' || (mark && (kind === 'failure' || kind === 'plan' || kind === 'state'));

const titles: Readonly<Record<ClusterEvent['severity'], string>> = {
  bad: 'Trouble',
  warning: 'Warning',
  good: 'Done',
  info: 'News',
};

/** Keeps track of what was told already; one for each run of the program. */
export class NewsDesk {
  #last: EventId | null = null;

  /**
   * The news of one update, oldest first. What stood in the list before the first update is no news.
   * @param cluster its name, for the title
   */
  read({ changes: { events } }: Pick<SnapshotUpdate, 'changes'>, cluster: string): readonly News[] {
    if (!events || events.length === 0) return [];
    const before = this.#last;
    this.#last = events.at(-1)?.id ?? before;
    // A coordinator that was started anew counts from the beginning.
    if (before === null || (this.#last ?? 0) < before) return [];
    return events
      .filter((event) => event.id > before && isNews(event))
      .map(({ severity, text }) => ({ title: `${cluster}: ${titles[severity]}`, body: text }));
  }
}
