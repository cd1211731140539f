import { describe, expect, it } from 'vitest';
import type { RequestHandlers } from '../../contract/window.js';
import { callHandler, publishingFirst } from './answer.js';

/** Handlers that note what is called; those that are not asked for are not there. */
function noting(heard: string[], outcome: () => Promise<unknown>): RequestHandlers {
  const note = (name: string) => async () => {
    heard.push(name);
    return outcome();
  };
  const handlers: Record<string, unknown> = {};
  for (const name of ['routing.set', 'routing.decisions']) handlers[name] = note(name);
  return publishingFirst(handlers as RequestHandlers, () => heard.push('published'));
}

describe('what a request did', () => {
  it('is published before it is answered', async () => {
    const heard: string[] = [];
    const handlers = noting(heard, async () => null);
    await callHandler(handlers, 'routing.set', {}, 'anna').then(() => heard.push('answered'));
    expect(heard).toEqual(['routing.set', 'published', 'answered']);
  });

  it('is published when it failed half way, too', async () => {
    const heard: string[] = [];
    const handlers = noting(heard, () => Promise.reject(new Error('half way')));
    await expect(callHandler(handlers, 'routing.set', {}, 'anna')).rejects.toThrow('half way');
    expect(heard).toEqual(['routing.set', 'published']);
  });

  it('is not published by a request that changes nothing', async () => {
    const heard: string[] = [];
    await callHandler(
      noting(heard, async () => null),
      'routing.decisions',
      {},
      'anna',
    );
    expect(heard).toEqual(['routing.decisions']);
  });
});
