/** Lets a bounded number of tasks run at the same time; the others wait, first come first served. */
export class Limiter {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly runningMax: number) {}

  /** Runs `task` when there is room. @returns what it returns @throws what it throws */
  async run<T>(task: () => Promise<T>): Promise<T> {
    while (this.running >= this.runningMax) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running++;
    try {
      return await task();
    } finally {
      this.running--;
      this.waiting.shift()?.();
    }
  }
}
