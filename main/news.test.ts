import { describe, expect, it } from 'vitest';
import type { ClusterEvent } from '../app/model/cluster.js';
import { NewsDesk } from './news.js';

const event = (id: number, changes: Partial<ClusterEvent> = {}): ClusterEvent => ({
  id,
  atMs: 0,
  kind: 'failure',
  severity: 'bad',
  node: null,
  planId: null,
  text: `event ${id}`,
  by: 'Ringmaster',
  mark: true,
  ...changes,
});
const read = (desk: NewsDesk, events: readonly ClusterEvent[]) => desk.read({ changes: { events } }, 'Lab');

describe('news for somebody who looks elsewhere', () => {
  it('are failures and what plans came to, each once', () => {
    const desk = new NewsDesk();
    expect(read(desk, [event(1)])).toEqual([]);
    const next = [
      event(1),
      event(2, { text: 'db2 failed: killed by SIGKILL' }),
      event(3, { kind: 'state', severity: 'good', text: 'db2 active after 4.0 s' }),
      event(4, { kind: 'view', severity: 'info' }),
      event(5, { kind: 'plan', severity: 'info', mark: false }),
    ];
    expect(read(desk, next)).toEqual([
      { title: 'Lab: Trouble', body: 'db2 failed: killed by SIGKILL' },
      { title: 'Lab: Done', body: 'db2 active after 4.0 s' },
    ]);
    expect(read(desk, next)).toEqual([]);
    expect(desk.read({ changes: {} }, 'Lab')).toEqual([]);
  });

  it('are none of a coordinator that was started anew, and go on from there', () => {
    const desk = new NewsDesk();
    read(desk, [event(7)]);
    expect(read(desk, [event(1)])).toEqual([]);
    expect(read(desk, [event(1), event(2)])).toHaveLength(1);
  });

  it('go on after the list was cut', () => {
    const desk = new NewsDesk();
    read(desk, [event(1), event(2)]);
    expect(read(desk, [event(400), event(401)])).toHaveLength(2);
  });
});
