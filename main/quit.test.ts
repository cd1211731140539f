import { describe, expect, it, vi } from 'vitest';
import { silentLog } from '../app/base/log.js';
import { createQuitter } from './quit.js';

/** A promise that the test settles. */
function settled<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (cause: Error) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

function quitting() {
  const answer = settled<boolean>();
  const closed = settled<void>();
  const said: string[] = [];
  const quitter = createQuitter({
    ask: () => {
      said.push('ask');
      return answer.promise;
    },
    showClosing: () => said.push('show'),
    close: () => {
      said.push('close');
      return closed.promise;
    },
    exit: () => said.push('exit'),
    log: silentLog(),
  });
  return { quitter, answer, closed, said };
}

describe('quitting', () => {
  it('asks, closes, and only then ends', async () => {
    const { quitter, answer, closed, said } = quitting();
    expect(quitter.holdQuit()).toBe(true);
    expect(said).toEqual(['ask']);
    answer.resolve(true);
    await vi.waitFor(() => expect(said).toEqual(['ask', 'show', 'close']));
    expect(quitter.mayCloseWindows()).toBe(false);
    expect(quitter.holdQuit()).toBe(true);
    closed.resolve();
    await vi.waitFor(() => expect(said).toEqual(['ask', 'show', 'close', 'exit']));
    expect(quitter.holdQuit()).toBe(false);
    expect(quitter.mayCloseWindows()).toBe(true);
  });

  it('goes on working when told so, and asks again next time', async () => {
    const { quitter, answer, said } = quitting();
    quitter.holdQuit();
    quitter.holdQuit();
    answer.resolve(false);
    await answer.promise;
    await vi.waitFor(() => {
      quitter.holdQuit();
      expect(said).toEqual(['ask', 'ask']);
    });
  });

  it('does not ask after a signal, not even when it stood asking', async () => {
    const { quitter, answer, closed, said } = quitting();
    quitter.holdQuit();
    quitter.quitNow();
    quitter.quitNow();
    answer.resolve(false);
    closed.resolve();
    await vi.waitFor(() => expect(said).toEqual(['ask', 'show', 'close', 'exit']));
  });

  it('ends even when closing fails', async () => {
    const { quitter, closed, said } = quitting();
    quitter.quitNow();
    closed.reject(new Error('a server does not stop'));
    await vi.waitFor(() => expect(said).toEqual(['show', 'close', 'exit']));
  });
});
