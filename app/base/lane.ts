/** A lane: asynchronous acts that must not overlap go through it one after another. */
export class Lane {
  private last: Promise<unknown> = Promise.resolve();

  /** Runs `act` when all acts before it have ended, whatever came of them. */
  run<T>(act: () => Promise<T>): Promise<T> {
    const result = this.last.then(act, act);
    this.last = result.catch(() => undefined);
    return result;
  }
}
