/** A benchmark that is asked to end: what it started is ended in order; asked twice, it goes at once. */

const exitCode = 130;
const waiting = new Set<(error: Error) => void>();
let interrupted = false;

/** A signal came. */
export function interrupt(): void {
  if (interrupted || waiting.size === 0) process.exit(exitCode);
  interrupted = true;
  // What finds its servers gone from now on must not keep the others from being ended.
  for (const event of ['unhandledRejection', 'uncaughtException'] as const)
    process.on(event, () => undefined);
  for (const reject of waiting) reject(new Error('it was interrupted'));
}

/** The exit code of a benchmark that was interrupted; undefined when it was not. */
export const interruptedExitCode = (): number | undefined => (interrupted ? exitCode : undefined);

/** What `work` comes to. @throws as soon as a signal comes: the work itself goes on and finds its servers gone */
export async function unlessInterrupted<Result>(work: Promise<Result>): Promise<Result> {
  let reject: (error: Error) => void = () => undefined;
  const signalled = new Promise<never>((_resolve, refuse) => {
    reject = refuse;
  });
  waiting.add(reject);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, signalled]);
  } finally {
    waiting.delete(reject);
  }
}
