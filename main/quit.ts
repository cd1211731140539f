/**
 * Quitting: ask once, then close the lab with its servers before the program ends, and show that it goes on.
 *
 *   open --quit--> asking --yes--> closing --closed or bound over--> closed
 *    ^                |               ^
 *    +------no--------+    quitNow----+
 */
import type { Log } from '../app/base/log.js';

export interface QuitDependencies {
  /** Asks the operator; false means: go on working. */
  readonly ask: () => Promise<boolean>;
  /** Shows that closing goes on. */
  readonly showClosing: () => void;
  /** Stops the lab's servers and everything else; bounded by itself. */
  readonly close: () => Promise<void>;
  /** Ends the program at once. */
  readonly exit: () => void;
  readonly log: Log;
}

export interface Quitter {
  /** For `before-quit`. @returns true when the program must not end yet */
  holdQuit(): boolean;
  /** Quits without asking: a signal told us to, or nobody could answer. */
  quitNow(): void;
  /** May windows be closed now? */
  mayCloseWindows(): boolean;
}

type QuitState = 'open' | 'asking' | 'closing' | 'closed';

export function createQuitter({ ask, showClosing, close, exit, log }: QuitDependencies): Quitter {
  let state: QuitState = 'open';

  const shut = async () => {
    if (state === 'closing' || state === 'closed') return;
    state = 'closing';
    showClosing();
    try {
      await close();
    } catch (thrown) {
      log.error({ err: thrown }, 'closing failed');
    }
    state = 'closed';
    exit();
  };

  const askFirst = async () => {
    state = 'asking';
    let agreed = true;
    try {
      agreed = await ask();
    } catch (thrown) {
      log.error({ err: thrown }, 'nobody could be asked about quitting');
    }
    // A signal may have started closing while the dialog stood.
    if (state !== 'asking') return;
    if (agreed) return shut();
    state = 'open';
  };

  return {
    holdQuit() {
      if (state === 'open') void askFirst();
      return state !== 'closed';
    },
    quitNow: () => void shut(),
    mayCloseWindows: () => state === 'closed',
  };
}
